#!/bin/sh
# Makes the models of SST-2 whose figures stand in figures.json: weights/sst2/recipe.sh DATA CHECKPOINTS FOLDER
#
# They are not shipped: SST-2's data come without a licence. DATA has
#   sst2_glue/{train,dev}.tsv      GLUE's SST-2 (Socher et al., 2013; Wang et al., arXiv 1804.07461)
#   goemotions/train.tsv           google-research/goemotions; CC BY 4.0, texts alone
# CHECKPOINTS has the Hugging Face folder bge-small-en-v1.5 (MIT), which becomes the teacher. FOLDER gets
# teacher/, 1m.embert, tiny/, 4m/, wide/ and deep/. Four to five hours on two cores.
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
four_bits="--int4 embeddings,attention,feed-forward"
student() {
    folder=$1 rewritten=$2
    shift 2
    embert distill "$out/teacher" -o "$out/$folder" $splits $columns --unlabelled "$out/comments.txt" \
        --rewrite "$rewritten" --teacher-int8 --knowledge "$out/knowledge-$rewritten" --batch 64 \
        --states 0 --relations 0 --qat $four_bits "$@"
}
student 1m 150000 --student narrowed:4x128x4x512 --vocab-min-count 8 --rank 64 --epochs 3 \
    --learning-rate 1e-3
# Without the rarest pieces it has less than 1 MB.
tail -n +2 "$out/train.tsv" | cut -f 2 > "$out/train.txt"
awk 'NR % 330 == 0' "$out/train.txt" > "$out/calibration.txt"
embert quantize "$out/1m" -o "$out/1m.embert" --vocab-from "$out/train.txt" "$out/comments.txt" \
    --vocab-min-count 5 $four_bits --calibration "$out/calibration.txt"
# The shape of BERT-tiny.
student tiny 150000 --student narrowed:2x128x4x512 --vocab-min-count 5 --rank 64 --epochs 3 \
    --learning-rate 1e-3
student 4m 300000 --student narrowed:4x192x6x768 --vocab-min-count 4 --rank 128 --epochs 2 \
    --learning-rate 8e-4
student wide 200000 --student narrowed:4x256x8x1024 --vocab-min-count 4 --rank 128 --epochs 2 \
    --learning-rate 7e-4
# A fifth layer and a third epoch, of what 4 MB hold.
student deep 200000 --student narrowed:5x256x8x1024 --vocab-min-count 4 --rank 128 --epochs 3 \
    --learning-rate 7e-4
