#!/bin/sh
# Makes sentiment-en and sentiment-en-large: weights/sentiment-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has
#   nltk_sentence_polarity/rt-polarity.{pos,neg}   nltk_data, sentence_polarity; CC BY 4.0
#   vader_ground_truth/*_GroundTruth.txt           github.com/cjhutto/vaderSentiment; MIT
#   goemotions/train.tsv                           google-research/goemotions; CC BY 4.0, texts alone
#   sst2_glue/dev.tsv                              GLUE's SST-2, for the test score alone
# CHECKPOINTS has the Hugging Face folder bge-small-en-v1.5 (MIT), which becomes the teacher.
# FOLDER gets teacher/, student/, model.embert and large/. An hour on two cores.
. "$(dirname "$0")/../begin.sh"

header='label\ttext\n'
prepare name-labels "$data/sst2_glue/dev.tsv" > "$out/sst2.tsv"
prepare column 2 --skip-header "$out/sst2.tsv" > "$out/held-out.txt"
for label in positive negative; do
    prepare label-reviews --label $label --held-out "$out/held-out.txt" \
        "$data/nltk_sentence_polarity/rt-polarity.$(printf %.3s $label)"
done > "$out/reviews.tsv"
# VADER's movie snippets are the same reviews, so they are left out.
vader="$data/vader_ground_truth"
snippets() { prepare label-vader "$vader"/amazon*.txt "$vader"/nyt*.txt "$vader"/tweets*.txt; }
# Every twentieth review is dev data and chooses the best epoch.
{
    printf "$header"
    prepare sample-lines --modulus 20 --invert "$out/reviews.tsv"
    snippets
} > "$out/train.tsv"
{ printf "$header"; prepare sample-lines --modulus 20 "$out/reviews.tsv"; } > "$out/dev.tsv"
# The unlabelled texts: the clauses of reviews, every second run of four or eight words, and comments.
prepare column 2 "$out/reviews.tsv" | prepare clauses > "$out/phrases.txt"
prepare column 2 "$out/reviews.tsv" | prepare word-runs | prepare sample-lines --modulus 2 \
    > "$out/spans.txt"
prepare column 1 "$data/goemotions/train.tsv" | prepare filter --min-words 3 > "$out/comments.txt"

splits="--train $out/train.tsv --dev $out/dev.tsv --test $out/sst2.tsv --without $out/held-out.txt"
columns="--text-column text --label-column label --max-tokens 64"

embert finetune "$checkpoints/bge-small-en-v1.5" -o "$out/teacher" $splits $columns \
    --epochs 2 --learning-rate 1e-4
# The students begin with the narrowed layers of the teacher.
four_bits="--int4 embeddings,attention,feed-forward"
student() {
    folder=$1
    shift
    embert distill "$out/teacher" -o "$out/$folder" $splits $columns \
        --unlabelled "$out/phrases.txt" "$out/spans.txt" "$out/comments.txt" \
        --lexical-substitution 150000 --teacher-int8 --teacher-cache "$out/teacher-cache" --batch 64 \
        --states 0 --relations 0 --qat $four_bits "$@"
}
student student --student narrowed:4x128x4x512 --vocab-min-count 8 --rank 64 --epochs 3 --learning-rate 1e-3
# Without rare word pieces, many of them of substituted words alone, the blob is smaller than 1 MB.
prepare column 2 --skip-header "$out/train.tsv" > "$out/train.txt"
prepare sample-lines --modulus 25 "$out/train.txt" > "$out/calibration.txt"
embert quantize "$out/student" -o "$out/model.embert" --vocab-from "$out/train.txt" "$out/comments.txt" \
    --vocab-min-count 4 $four_bits --calibration "$out/calibration.txt"
student large --student narrowed:4x192x6x768 --vocab-min-count 4 --rank 128 --epochs 2 --learning-rate 8e-4
