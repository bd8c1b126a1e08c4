#!/bin/sh
# Makes commands-en and commands-en-256k: weights/commands-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has snips/{train,dev,test}/{seq.in,seq.out,label}: SNIPS (Coucke et al., arXiv 1805.10190; CC0)
# in the form of github.com/MiuLab/SlotGated-SLU. CHECKPOINTS has the Hugging Face folder
# all-MiniLM-L6-v2 (Apache 2.0), which becomes the teacher. FOLDER gets teacher/, 512k/ and 256k/.
# About an hour on two cores.
. "$(dirname "$0")/../begin.sh"
splits="--words --train $data/snips/train --dev $data/snips/dev --test $data/snips/test"

embert finetune "$checkpoints/all-MiniLM-L6-v2" $splits -o "$out/teacher" \
    --epochs 12 --learning-rate 3e-4 --max-tokens 64
# Mention replacement adds 250,000 sentences: small models need these to find names. The teacher's outputs
# for them take the longest time, so both students use one cache.
four_bits="--qat --int4 embeddings,attention,feed-forward"
embert distill "$out/teacher" $splits -o "$out/512k" --teacher-cache "$out/teacher-cache" \
    --student 4x96x4x384 --epochs 6 --mention-replacement 250000 --vocab-min-count 70 \
    --learning-rate 1.5e-3 --max-tokens 48 --states 0 --relations 0 $four_bits
embert distill "$out/teacher" $splits -o "$out/256k" --teacher-cache "$out/teacher-cache" \
    --student 3x96x3x128 --epochs 6 --mention-replacement 250000 --vocab-min-count 145 \
    --learning-rate 1.5e-3 --max-tokens 48 --states 0 --relations 0 $four_bits
