"""Times llama.cpp, as protocol.py says. EMBERT_LLAMA_FLASH=1 turns flash attention on."""

import os

import llama_cpp as llama
import numpy

from protocol import serve


class Engine:
    def __init__(self, path, tokens, threads):
        llama.llama_log_set(QUIET, None)
        llama.llama_backend_init()
        self.model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"{path}: llama.cpp did not read it")
        params = llama.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = tokens
        params.n_threads = params.n_threads_batch = threads
        params.embeddings = True
        # The states of every token.
        params.pooling_type = llama.LLAMA_POOLING_TYPE_NONE
        params.flash_attn_type = int(os.environ.get("EMBERT_LLAMA_FLASH", "0"))
        self.context = llama.llama_init_from_model(self.model, params)
        self.shape = (tokens, llama.llama_model_n_embd(self.model))
        self.batch = llama.llama_batch_init(tokens, 0, 1)

    def set(self, ids):
        self.batch.n_tokens = len(ids)
        for place, token in enumerate(ids):
            self.batch.token[place] = token
            self.batch.pos[place] = place
            self.batch.n_seq_id[place] = 1
            self.batch.seq_id[place][0] = 0
            self.batch.logits[place] = True

    def run(self):
        if llama.llama_encode(self.context, self.batch) != 0:
            raise SystemExit("llama.cpp failed")
        # Waits for the result.
        self.result = llama.llama_get_embeddings(self.context)

    def states(self):
        return numpy.ctypeslib.as_array(self.result, self.shape).astype(numpy.float32)


# Kept for as long as llama.cpp may call it.
QUIET = llama.llama_log_callback(lambda level, text, data: None)

serve(Engine)
