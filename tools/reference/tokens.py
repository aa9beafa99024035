"""Writes the tokeniser's test data into tests/models_text/reference/: two small unigram models that sentencepiece trains
on the sentences below, the first of them also as a tokenizer.json, and tokens.txt, what the sentencepiece and tokenizers
libraries make of some texts.

    python tools/reference/tokens.py                                   # needs sentencepiece 0.2 and tokenizers 0.23
    python tools/reference/tokens.py --vocabularies DIR [--from stable_diffusion_cpp_python-0.4.7.tar.gz]

With DIR, the vocabularies of T5 and umT5 are taken into account. They are not part of this repository: with --from they
are extracted into DIR (t5.json and umt5.json) from that source package of PyPI, where they are embedded as bytes of C.
The tests read them from the directory that FRAMEMILL_VOCABULARIES names, and pass these cases over without it.

A line of tokens.txt: the model's file, the ids with the end token, the text as JSON.
"""
import argparse
import base64
import io
import json
import pathlib
import re
import tarfile

import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2

HERE = pathlib.Path(__file__).resolve().parents[2] / 'tests' / 'models_text' / 'reference'

SENTENCES = '''
A red lantern hangs over the harbour while boats return at dusk.
The camera moves slowly along the wet street, past the lit windows of a bakery.
Two children run across a field of barley, the wind is strong and the sky is clear.
An old lighthouse keeper climbs the stairs, his lamp swings from side to side.
A close view of hands that fold a paper boat and set it on the water.
Snow falls on the roofs of a mountain village, smoke rises from the chimneys.
The train leaves the station, the light of its windows slides over the platform.
A fox crosses the road, looks at the camera and disappears between the trees.
Wide shot of a desert at night, stars turn around the pole, a small fire burns.
A dancer turns in an empty hall, dust shines in the light of the tall windows.
Ein roter Drachen steigt über dem Deich auf, Möwen kreisen über dem grauen Meer.
Langsame Kamerafahrt durch eine enge Gasse, Wäsche hängt zwischen den Häusern.
Une femme âgée ouvre les volets, la lumière du matin entre dans la cuisine.
Un garçon court derrière son cerf-volant sur la plage déserte.
Una niña mira el mar desde la ventana mientras llueve en la ciudad.
Красный фонарь висит над гаванью, лодки возвращаются в сумерках.
Камера медленно движется вдоль мокрой улицы, мимо окон пекарни.
Ένα κόκκινο φανάρι κρέμεται πάνω από το λιμάνι το σούρουπο.
夕暮れの港に赤い提灯が揺れて、船が静かに帰ってくる。
雨に濡れた通りをカメラがゆっくり進む。
红灯笼挂在港口上方,船只在黄昏时分归来。
镜头沿着湿漉漉的街道缓缓移动。
비에 젖은 거리를 카메라가 천천히 지나간다.
فانوس أحمر معلق فوق الميناء عند الغسق.
פנס אדום תלוי מעל הנמל בשעת בין ערביים.
एक लाल लालटेन बंदरगाह के ऊपर लटक रही है।
'''.strip().splitlines()

TEXTS = [
    'A red lantern hangs over the harbour while boats return at dusk.',
    'A long paragraph for summarization.',
    '', ' ', 'a', '  two   blanks  ', 'tab\tand\nnew\r\nline', 'no\u00a0break\u2009thin\u3000wide',
    'Ｆｕｌｌ ｗｉｄｔｈ １２３', 'ﬁre and ﬂood', 'e\u0301clair and café', '\uff21\u0301 accent on a full-width A',
    'zero\u200bwidth and soft\u00adhyphen', 'Möwen kreisen über dem Deich', 'Une femme âgée', 'Красный фонарь',
    'Ένα κόκκινο φανάρι', '夕暮れの港に赤い提灯', '红灯笼挂在港口上方', '비에 젖은 거리', 'فانوس أحمر', 'פנס אדום',
    'लाल लालटेन', '🎬 a clapper board 🎥🎥', '\U0001f468\u200d\U0001f469\u200d\U0001f467 family', 'ⅷ ① ㎏ ½ Å',
    'unknown ᚠᚢᚦ runes', 'ᚠᚢᚦ', 'price: 3,500.00 $ (50 %)', '8K, 35mm, f/1.8 --ar 16:9', 'CamelCaseAndsnake_case',
    'supercalifragilisticexpialidocious', 'x' * 60, '▁already▁escaped ▁', '"quotes" \'single\' `back`',
    'a</s>b', '<pad> and <extra_id_0> walks in <extra_id_1> park', '<unk>', 'the [mark] stays', '\ufffd replaced',
    'A woman, wearing a red coat; she turns: "Where?" - and laughs!', '. , ; : ! ?', 'e\u0301' * 5, 'ｱｲｳ ﾊﾟ', '１２３',
    'line one\n\nline two', '\ttab first', 'last blank ', 'ß ẞ ſ ĳ ŉ', 'İstanbul ıI', 'ΑΒΓ αβγς', '한글 자모 ᄒ\u1161\u11ab',
]
# tests/models/umt5/test_modeling_umt5.py of transformers
UMT5_TEXTS = [
    'Bonjour monsieur <extra_id_0> bien <extra_id_1>.',
    'No se como puedo <extra_id_0>.',
    'This is the reason why we <extra_id_0> them.',
    'The <extra_id_0> walks in <extra_id_1>, seats',
    'A <extra_id_0> walks into a bar and orders a <extra_id_1> with <extra_id_2> pinch of <extra_id_3>.',
]

RULES = {'\u00a0': ' ', '\u2009': ' ', '\u3000': ' ', '\t': ' ', '\n': ' ', '\r': ' ', '\u200b': '', '\u00ad': '',
         'ﬁ': 'fi', 'ﬂ': 'fl', 'e\u0301': 'é', '½': '1/2', 'ⅷ': 'viii', '①': '1', '㎏': 'kg', '\u212b': 'Å',
         'ﾊﾟ': 'パ', 'ｱ': 'ア', 'ｲ': 'イ', 'ｳ': 'ウ', **{chr(0xfee0 + c): chr(c) for c in range(0x21, 0x7f)}}


def train(name, **settings):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4), model_writer=model, vocab_size=600, model_type='unigram', pad_id=0, eos_id=1, unk_id=2,
        bos_id=-1, num_threads=1, minloglevel=2, hard_vocab_limit=False, **settings)
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    (HERE / name).write_bytes(proto.SerializeToString())
    return proto


def as_json(proto):
    specials = [p.piece for p in proto.pieces if p.type in (2, 3)]
    return {
        'version': '1.0', 'truncation': None, 'padding': None,
        'added_tokens': [{'id': i, 'content': p.piece, 'single_word': False, 'lstrip': False, 'rstrip': False,
                          'normalized': False, 'special': True}
                         for i, p in enumerate(proto.pieces) if p.piece in specials],
        'normalizer': {'type': 'Sequence', 'normalizers': [
            {'type': 'Precompiled',
             'precompiled_charsmap': base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()},
            {'type': 'Strip', 'strip_left': False, 'strip_right': True},
            {'type': 'Replace', 'pattern': {'Regex': ' {2,}'}, 'content': ' '}]},
        'pre_tokenizer': {'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'always', 'split': True},
        'post_processor': {'type': 'TemplateProcessing',
                           'single': [{'Sequence': {'id': 'A', 'type_id': 0}},
                                      {'SpecialToken': {'id': '</s>', 'type_id': 0}}],
                           'pair': [{'Sequence': {'id': 'A', 'type_id': 0}}, {'Sequence': {'id': 'B', 'type_id': 0}}],
                           'special_tokens': {'</s>': {'id': '</s>', 'ids': [1], 'tokens': ['</s>']}}},
        'decoder': None,
        'model': {'type': 'Unigram', 'unk_id': 2, 'byte_fallback': False,
                  'vocab': [[p.piece, p.score] for p in proto.pieces]},
    }


def extract(archive, directory):
    for source, name in (('clip_t5', 't5'), ('umt5', 'umt5')):
        with tarfile.open(archive) as tar:
            member = next(m for m in tar if m.name.endswith(f'/tokenizers/vocab/{source}.hpp'))
            text = tar.extractfile(member).read().decode()
        array = re.search(rf'{name}_tokenizer_json_str\[\] = \{{(.*?)\}};', text, re.S).group(1)
        (directory / f'{name}.json').write_bytes(bytes(int(b, 16) for b in array.replace('\n', ' ').split(',') if b.strip()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--vocabularies', type=pathlib.Path)
    parser.add_argument('--from', dest='archive')
    options = parser.parse_args()
    HERE.mkdir(parents=True, exist_ok=True)
    rules = HERE / 'rules.tsv'
    rules.write_text(''.join(' '.join(f'{ord(c):X}' for c in k) + '\t' + ' '.join(f'{ord(c):X}' for c in v) + '\n'
                             for k, v in RULES.items()))
    small = train('small.model', normalization_rule_tsv=str(rules), user_defined_symbols=['[mark]'])
    rules.unlink()
    train('bytes.model', normalization_rule_name='identity', byte_fallback=True,
          character_coverage=0.98)
    (HERE / 'small.json').write_text(json.dumps(as_json(small), ensure_ascii=False) + '\n')

    lines = []
    for name in ('small.model', 'bytes.model'):
        model = sentencepiece.SentencePieceProcessor(model_file=str(HERE / name))
        lines += [(name, model.encode(text) + [1], text) for text in TEXTS]
    files = {'small.json': HERE / 'small.json'}
    if options.vocabularies:
        options.vocabularies.mkdir(parents=True, exist_ok=True)
        if options.archive:
            extract(options.archive, options.vocabularies)
        files |= {name: options.vocabularies / name for name in ('t5.json', 'umt5.json')}
    for name, path in files.items():
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
        lines += [(name, tokenizer.encode(text).ids, text)
                  for text in TEXTS + (UMT5_TEXTS if name == 'umt5.json' else [])]
    (HERE / 'tokens.txt').write_text(''.join(
        f'{name}\t{" ".join(map(str, ids))}\t{json.dumps(text)}\n' for name, ids, text in lines))


if __name__ == '__main__':
    main()
