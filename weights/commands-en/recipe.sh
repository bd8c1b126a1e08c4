#!/bin/sh
# Makes commands-en anew: weights/commands-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has snips/{train,dev,test}/{seq.in,seq.out,label}: SNIPS (Coucke et al., arXiv 1805.10190; CC0)
# in the form of github.com/MiuLab/SlotGated-SLU. CHECKPOINTS has the Hugging Face folder
# all-MiniLM-L6-v2 (Apache 2.0), which becomes the teacher. FOLDER gets teacher/, 512k/ and 256k/.
# About an hour on two cores.
. "$(dirname "$0")/../begin.sh"
splits="--words --train $data/snips/train --dev $data/snips/dev --test $data/snips/test"

embert finetune "$checkpoints/all-MiniLM-L6-v2" $splits -o "$out/teacher" \
    --epochs 12 --learning-rate 3e-4 --max-tokens 64
# 250,000 sentences more, in which entities have changed places: a small model learns names by these.
# The teacher's opinion of all of them, the longest part, is kept for the second student.
four_bits="--qat --int4 embeddings,attention,feed-forward"
embert distill "$out/teacher" $splits -o "$out/512k" --knowledge "$out/knowledge" \
    --student 4x96x4x384 --epochs 6 --exchange 250000 --vocab-min-count 70 --learning-rate 1.5e-3 \
    --max-tokens 48 --states 0 --relations 0 $four_bits
embert distill "$out/teacher" $splits -o "$out/256k" --knowledge "$out/knowledge" \
    --student 3x96x3x128 --epochs 6 --exchange 250000 --vocab-min-count 145 --learning-rate 1.5e-3 \
    --max-tokens 48 --states 0 --relations 0 $four_bits
