#!/bin/sh
# Makes the models of SST-2 whose figures stand in figures.json: weights/sst2/recipe.sh DATA CHECKPOINTS FOLDER
#
# They are not shipped: SST-2's data come without a licence. DATA has
#   sst2_glue/{train,dev}.tsv      GLUE's SST-2 (Socher et al., 2013; Wang et al., arXiv 1804.07461)
#   goemotions/train.tsv           google-research/goemotions; CC BY 4.0, texts alone
# CHECKPOINTS has the Hugging Face folder bge-small-en-v1.5 (MIT), which becomes the teacher. FOLDER gets
# teacher/, 1m.embert and tiny/. An hour and a half on two cores.
. "$(dirname "$0")/../begin.sh"

for split in train dev; do
    { printf 'label\ttext\n'; tail -n +2 "$data/sst2_glue/$split.tsv"; } > "$out/$split.tsv"
done
cut -f 1 "$data/goemotions/train.tsv" | awk 'NF >= 3' > "$out/comments.txt"
splits="--train $out/train.tsv --dev $out/dev.tsv"
columns="--text-column text --label-column label --max-tokens 64"

embert finetune "$checkpoints/bge-small-en-v1.5" -o "$out/teacher" $splits $columns \
    --epochs 1 --learning-rate 1e-4
# Narrowed from the teacher, students know from the beginning some of what it knows of language.
student() {
    folder=$1
    shift
    embert distill "$out/teacher" -o "$out/$folder" $splits $columns --unlabelled "$out/comments.txt" \
        --rewrite 150000 --teacher-int8 --knowledge "$out/knowledge" --epochs 3 --batch 64 \
        --learning-rate 1e-3 --states 0 --relations 0 --rank 64 --qat \
        --int4 embeddings,attention,feed-forward "$@"
}
student 1m --student narrowed:4x128x4x512 --vocab-min-count 8
# Without the rarest pieces it has less than 1 MB.
tail -n +2 "$out/train.tsv" | cut -f 2 > "$out/train.txt"
awk 'NR % 330 == 0' "$out/train.txt" > "$out/calibration.txt"
embert quantize "$out/1m" -o "$out/1m.embert" --vocab-from "$out/train.txt" "$out/comments.txt" \
    --vocab-min-count 4 --int4 embeddings,attention,feed-forward --calibration "$out/calibration.txt"
# The shape of BERT-tiny.
student tiny --student narrowed:2x128x4x512 --vocab-min-count 5
