"""The models that are timed, made by setup.sh, and what a forward pass of each costs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    name: str
    layers: int
    hidden: int
    heads: int
    inner: int
    # The token counts worth timing.
    tokens: tuple

    @property
    def shape(self):
        return f"L{self.layers} H{self.hidden} A{self.heads} I{self.inner}"

    def macs(self, tokens):
        """Multiply-accumulates of the encoder: the six products with weights, and attention's two."""
        weights = 4 * self.hidden * self.hidden + 2 * self.hidden * self.inner
        attention = 2 * self.hidden * tokens
        return self.layers * tokens * (weights + attention)


MODELS = {
    model.name: model
    for model in [
        Model("minilm", 6, 384, 12, 1536, (32, 128, 512)),
        # No real BERT-base is on PyPI: prepare/random_bert.py makes one of random weights.
        Model("bert-base", 12, 768, 12, 3072, (32, 128, 512)),
        Model("l2h128", 2, 128, 2, 512, (32, 128)),
    ]
}
