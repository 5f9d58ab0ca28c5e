"""A data.noun of a few lines, and a vocabulary of their words."""

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

LINES = """  1 This software and database is being provided to you, the LICENSEE
00001740 03 n 01 entity 0 003 ~ 00001930 n 0000 | that which is perceived
00045646 04 n 02 rally 1 rallying 1 001 @ 00036762 n 0000 | the feat of mustering strength; "he started a rally"
00045700 04 n 01 muster 0 001 @ 00036762 n 0000 | the feat of mustering strength; "again"
02084071 05 n 01 dog 0 001 @ 02083346 n 0000 | a tame animal; a wolf once
07739125 13 n 01 apple 0 001 @ 07705931 n 0000 | a fruit
15135631 28 n 01 day 0 001 @ 15135400 n 0000 | a time
13742358 24 n 01 part 0 001 @ 13742000 n 0000 | a relation
"""
WORDS = "[PAD] [UNK] [CLS] [SEP] a the feat of mustering strength that which is perceived tame animal fruit time"


def write(folder):
    """`data.noun` and `tokenizer.json` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data.noun").write_text(LINES, encoding="latin-1")
    pieces = Tokenizer(WordPiece({word: i for i, word in enumerate(WORDS.split())}, unk_token="[UNK]"))
    pieces.pre_tokenizer = Whitespace()
    pieces.post_processor = TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    pieces.save(str(folder / "tokenizer.json"))
    return folder
