#!/bin/sh
# Makes sentiment-en and sentiment-en-large: weights/sentiment-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has
#   nltk_sentence_polarity/rt-polarity.{pos,neg}   nltk_data, sentence_polarity; CC BY 4.0
#   vader_ground_truth/*_GroundTruth.txt           github.com/cjhutto/vaderSentiment; MIT
#   goemotions/train.tsv                           google-research/goemotions; CC BY 4.0, texts alone
#   sst2_glue/dev.tsv                              GLUE's SST-2: to judge by, nothing is learnt from it
# CHECKPOINTS has the Hugging Face folder bge-small-en-v1.5 (MIT), which becomes the teacher.
# FOLDER gets teacher/, student/, model.embert and large/. An hour on two cores.
. "$(dirname "$0")/../begin.sh"

header='label\ttext\n'
{ printf "$header"; awk -F '\t' 'NR > 1 { print ($1 == 1 ? "positive" : "negative") "\t" $2 }' \
    "$data/sst2_glue/dev.tsv"; } > "$out/sst2.tsv"
cut -f 2 "$out/sst2.tsv" | tail -n +2 > "$out/held-out.txt"
# Label and text of each review that has no 30 letters and digits in a row of what is held out, nor all
# of a text of 10 or more: --without leaves the same out, but not the short pieces that are made of the
# reviews below.
for label in positive negative; do
    awk -v label=$label -v held="$out/held-out.txt" '
        function letters(text) { text = tolower(text); gsub(/[^a-z0-9]/, "", text); return text }
        BEGIN {
            while ((getline text < held) > 0) {
                text = letters(text)
                if (length(text) >= 10 && length(text) < 30) short[text]
                for (first = 1; first + 29 <= length(text); first++) long[substr(text, first, 30)]
            }
        }
        {
            text = letters($0)
            for (first = 1; first + 29 <= length(text); first++)
                if (substr(text, first, 30) in long) next
            for (whole in short) if (index(text, whole)) next
            print label "\t" $0
        }' "$data/nltk_sentence_polarity/rt-polarity.$(printf %.3s $label)"
done > "$out/reviews.tsv"
# Of the snippets of VADER those that people were sure about, without the movies, which are the same
# reviews.
snippets() {
    cat "$data"/vader_ground_truth/amazon*.txt "$data"/vader_ground_truth/nyt*.txt \
        "$data"/vader_ground_truth/tweets*.txt | iconv -c -f utf-8 -t utf-8 |
        awk -F '\t' '$2 >= 1 { print "positive\t" $3 } $2 <= -1 { print "negative\t" $3 }'
}
# Every twentieth review chooses the best epoch.
{ printf "$header"; awk 'NR % 20' "$out/reviews.tsv"; snippets; } > "$out/train.tsv"
{ printf "$header"; awk 'NR % 20 == 0' "$out/reviews.tsv"; } > "$out/dev.tsv"
# What the teacher labels: the clauses of reviews, pieces of four and of eight words, and comments.
cut -f 2 "$out/reviews.tsv" |
    sed -E 's/ (,|\.|;|:|--|but|and|while|although|because) /\n/g; s/ [.!?]+ *$//' |
    awk 'NF >= 2 && NF <= 30' | LC_ALL=C sort -u > "$out/phrases.txt"
cut -f 2 "$out/reviews.tsv" | awk '{
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
# Students begin as their teacher, narrowed: they know from the first step what words mean.
four_bits="--int4 embeddings,attention,feed-forward"
student() {
    folder=$1
    shift
    embert distill "$out/teacher" -o "$out/$folder" $splits $columns \
        --unlabelled "$out/phrases.txt" "$out/spans.txt" "$out/comments.txt" --rewrite 150000 \
        --teacher-int8 --knowledge "$out/knowledge" --batch 64 --states 0 --relations 0 --qat $four_bits "$@"
}
student student --student narrowed:4x128x4x512 --vocab-min-count 8 --rank 64 --epochs 3 --learning-rate 1e-3
# Without rare pieces, many of them of rewritten texts alone, it has less than 1 MB.
tail -n +2 "$out/train.tsv" | cut -f 2 > "$out/train.txt"
awk 'NR % 25 == 0' "$out/train.txt" > "$out/calibration.txt"
embert quantize "$out/student" -o "$out/model.embert" --vocab-from "$out/train.txt" "$out/comments.txt" \
    --vocab-min-count 4 $four_bits --calibration "$out/calibration.txt"
student large --student narrowed:4x192x6x768 --vocab-min-count 4 --rank 128 --epochs 2 --learning-rate 8e-4
