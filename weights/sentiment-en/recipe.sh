#!/bin/sh
# The data and the teacher of sentiment-en, whose blob is not made yet:
# weights/sentiment-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has
#   nltk_sentence_polarity/rt-polarity.{pos,neg}   nltk_data, sentence_polarity; CC BY 4.0
#   vader_ground_truth/*_GroundTruth.txt           github.com/cjhutto/vaderSentiment; MIT
#   goemotions/train.tsv                           google-research/goemotions; CC BY 4.0, texts alone
#   sst2_glue/dev.tsv                              GLUE's SST-2: to judge by, nothing is learnt from it
# CHECKPOINTS has the Hugging Face folder bge-small-en-v1.5 (MIT), which becomes the teacher.
. "$(dirname "$0")/../begin.sh"

# Label and text of each review; every twentieth chooses the best epoch. Of the snippets of VADER those
# that people were sure about, without the movies, which are the same reviews.
reviews() {
    for label in positive negative; do
        awk -v label=$label '{ print label "\t" $0 }' \
            "$data/nltk_sentence_polarity/rt-polarity.$(printf %.3s $label)"
    done
}
snippets() {
    cat "$data"/vader_ground_truth/amazon*.txt "$data"/vader_ground_truth/nyt*.txt \
        "$data"/vader_ground_truth/tweets*.txt | iconv -c -f utf-8 -t utf-8 |
        awk -F '\t' '$2 >= 1 { print "positive\t" $3 } $2 <= -1 { print "negative\t" $3 }'
}
header='label\ttext\n'
{ printf "$header"; reviews | awk 'NR % 20'; snippets; } > "$out/train.tsv"
{ printf "$header"; reviews | awk 'NR % 20 == 0'; } > "$out/dev.tsv"
{ printf "$header"; awk -F '\t' 'NR > 1 { print ($1 == 1 ? "positive" : "negative") "\t" $2 }' \
    "$data/sst2_glue/dev.tsv"; } > "$out/sst2.tsv"
cut -f 2 "$out/sst2.tsv" | tail -n +2 > "$out/held-out.txt"
# What the teacher labels: the clauses of reviews, pieces of four and of eight words, and comments.
reviews | cut -f 2 |
    sed -E 's/ (,|\.|;|:|--|but|and|while|although|because) /\n/g; s/ [.!?]+ *$//' |
    awk 'NF >= 2 && NF <= 30' | LC_ALL=C sort -u > "$out/phrases.txt"
reviews | cut -f 2 | awk '{
    for (words = 4; words <= 8; words += 4)
        for (first = 1; first + words - 1 <= NF; first += words) {
            piece = $first
            for (word = first + 1; word < first + words; word++) piece = piece " " $word
            print piece
        }
}' | LC_ALL=C sort -u | awk 'NR % 2 == 0' > "$out/spans.txt"
cut -f 1 "$data/goemotions/train.tsv" | awk 'NF >= 3' > "$out/comments.txt"

splits="--train $out/train.tsv --dev $out/dev.tsv --test $out/sst2.tsv --without $out/held-out.txt"
columns="--text-column text --label-column label --max-tokens 64"

embert finetune "$checkpoints/bge-small-en-v1.5" -o "$out/teacher" $splits $columns \
    --epochs 2 --learning-rate 1e-4
