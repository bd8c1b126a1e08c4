#!/bin/sh
# Makes the SST-2 models of figures.json: weights/sst2/recipe.sh DATA CHECKPOINTS FOLDER
#
# They are not shipped: SST-2's data come without a licence. DATA has
#   sst2_glue/{train,dev}.tsv      GLUE's SST-2 (Socher et al., 2013; Wang et al., arXiv 1804.07461)
#   goemotions/train.tsv           google-research/goemotions; CC BY 4.0, texts alone
# CHECKPOINTS has the Hugging Face folder bge-small-en-v1.5 (MIT), which becomes the teacher. FOLDER gets
# teacher/, 1m.embert, tiny/, 4m/, wide/ and deep/. Four to five hours on two cores.
. "$(dirname "$0")/../begin.sh"

for split in train dev; do
    { printf 'label\ttext\n'; prepare sample-lines --from 2 "$data/sst2_glue/$split.tsv"; } \
        > "$out/$split.tsv"
done
prepare column 1 "$data/goemotions/train.tsv" | prepare filter --min-words 3 > "$out/comments.txt"
splits="--train $out/train.tsv --dev $out/dev.tsv"
columns="--text-column text --label-column label --max-tokens 64"

embert finetune "$checkpoints/bge-small-en-v1.5" -o "$out/teacher" $splits $columns \
    --epochs 1 --learning-rate 1e-4
# The students begin with the narrowed layers of the teacher.
four_bits="--int4 embeddings,attention,feed-forward"
student() {
    folder=$1 substituted=$2
    shift 2
    embert distill "$out/teacher" -o "$out/$folder" $splits $columns --unlabelled "$out/comments.txt" \
        --lexical-substitution "$substituted" --teacher-int8 \
        --teacher-cache "$out/teacher-cache-$substituted" --batch 64 --states 0 --relations 0 \
        --qat $four_bits "$@"
}
student 1m 150000 --student narrowed:4x128x4x512 --vocab-min-count 8 --rank 64 --epochs 3 \
    --learning-rate 1e-3
# Without the rarest word pieces the blob is smaller than 1 MB.
prepare column 2 --skip-header "$out/train.tsv" > "$out/train.txt"
prepare sample-lines --modulus 330 "$out/train.txt" > "$out/calibration.txt"
embert quantize "$out/1m" -o "$out/1m.embert" --vocab-from "$out/train.txt" "$out/comments.txt" \
    --vocab-min-count 5 $four_bits --calibration "$out/calibration.txt"
# The shape of BERT-tiny.
student tiny 150000 --student narrowed:2x128x4x512 --vocab-min-count 5 --rank 64 --epochs 3 \
    --learning-rate 1e-3
student 4m 300000 --student narrowed:4x192x6x768 --vocab-min-count 4 --rank 128 --epochs 2 \
    --learning-rate 8e-4
student wide 200000 --student narrowed:4x256x8x1024 --vocab-min-count 4 --rank 128 --epochs 2 \
    --learning-rate 7e-4
# A fifth layer and a third epoch; still smaller than 4 MB.
student deep 200000 --student narrowed:5x256x8x1024 --vocab-min-count 4 --rank 128 --epochs 3 \
    --learning-rate 7e-4
