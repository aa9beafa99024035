"""Writes tests/models_text/reference/prompts.txt: prompts before and after the cleaning of diffusers' Wan pipelines, as
two JSON texts in a line.

    python tools/reference/prompts.py > tests/models_text/reference/prompts.txt     # needs ftfy 6.3
"""
import html
import json
import re

import ftfy

RIGHT = [
    'A red lantern hangs over the harbour.', '', ' ', '  two   blanks  and\ttabs\n\nand lines \r\n', 'Möwen über dem Deich',
    'Une femme âgée ouvre les volets à l’aube', 'El niño corrió detrás del pingüino', 'ÜBER ALLEN GIPFELN',
    'Красный фонарь висит над гаванью', 'Ένα κόκκινο φανάρι', '夕暮れの港に赤い提灯が揺れて、船が帰る。', '红灯笼挂在港口上方，船只归来。',
    '비에 젖은 거리', 'فانوس أحمر معلق', 'פנס אדום', 'लाल लालटेन', 'ฝนตกที่ท่าเรือ', '🎬 clapper board 🎥🎥',
    '\U0001f468\u200d\U0001f469\u200d\U0001f467 a family', 'price 3 €, 20 % off, £5, ¥100', 'naïve café, crème brûlée',
    'CAFÉ’S sign', 'the “CAFÉ”, at night', 'CAFÉ… and more', 'Ångström, Øresund, Æbelø', 'São Paulo, Brasília, coração',
    'Łódź, Kraków, Gdańsk', 'Çeşme, İzmir, ığdır', '5°C and 20°', '10×20 cm, ½ cup, 3²', 'A — B – C … D', 'à la carte',
    'às vezes', 'Dvořák in Plzeň', '© 2024 Studio™ ®', '«Bonjour» he said', '„Guten Tag“ sagte sie', '¿Qué? ¡Ay!',
    'x² + y² = z²', 'São', 'Ã', 'Â', 'Ñandú', 'ÀÉÎÕÜ', 'Þór and Eiður', 'straße', 'œuvre, cœur', 'Œdipus', 'fl. 3 µm',
    'm² and m³', 'ca. 3±1', '1ª vez, nº 5', 'the ‘old’ town', 'ü ö ä ß', 'Привет, мир!', 'Ø 20 mm',
]
MENDED = [
    'ﬁre and ﬂood, oﬃce', 'Ｆｕｌｌ ｗｉｄｔｈ １２３！', 'ﾊﾟｰﾃｨｰ ｱｲｳ', 'ideographic\u3000space', '“curly” ‘quotes’ and it’s', '‚low’ „low“',
    '‟odd‛ ʼquotes', 'e\u0301clair', 'A\u030angstrom', 'bell\x07 and null\x00', '\ufeffbyte order mark', 'a\ufffcb\ufff9c',
    '\x1b[31mred\x1b[0m text', 'line\u2028separator\u2029here', 'next\x85line', 'soft\u00adhyphen', 'zero\u200bwidth',
    'no\u00a0break\u2009thin', 'ĳsvrij Ǆ ŉ', 'carriage\rreturn', '\x0bvertical\x0cfeed', 'del\x7fete', '\u206adeprecated',
    'a\u0308 o\u0308 u\u0308', '\u212b and \u2126', '\u1e9b\u0323', '\uac00 \u1100\u1161',
]
HTML = [
    'fish &amp; chips', 'fish &amp;amp; chips', '&lt;b&gt;bold&lt;/b&gt;', '<b>bold &amp; strong</b>', '&quot;quoted&quot;',
    'caf&eacute;', 'caf&eacute', 'CAF&EACUTE;', '&#233;t&#xe9;', '&#8217;s', '&#x1F3AC; action', 'AT&T', 'this&not that',
    'this&notin; that', '&hellip;', '&HELLIP;', '&nbsp;&nbsp;wide', '&rsquo;s and &ldquo;x&rdquo;', '&#146;s', '&#0;', '& alone',
    '&;', '&#;', '&unknown;', '&amp;eacute;', 'a &lt; b &gt; c', '&copy;2024', '&copy2024', '&NotEqualTilde;', '&Aacute;&AACUTE;',
    '&euro;5 &pound;6', '&amp;lt;tag&amp;gt;', '&amp;amp;amp;', '&#39;single&#39;', '&frac12; cup', '&times; 3', '&PRIME; &prime; &Prime;',
]
BROKEN = [
    'It’s “fine”', 'Möwen über dem Deich', 'Une femme âgée', 'niño', 'À la carte', 'café — bar', 'naïve…', 'crème brûlée', '£5 and €6',
    'Красный фонарь', '夕暮れの港', '红灯笼', '비에 젖은', 'Ελλάδα', 'فانوس أحمر', 'लाल', '🎬 action', 'Łódź', 'ß', 'Dvořák', 'à',
    'voilà le travail', 'déjà vu, à propos', '“quoted”', 'São Paulo', '© Studio™', '½ cup', '20 °C', 'Ümlaut', '– dash –',
]
MIXED = [
    'the cafÃ© is open and the naïve café is closed', 'â€œlike thisâ€\ufffd', 'Iâ€™m 100% sure — it’s fine', 'fÃ¼r Elise und für Ö',
    'red é and broken â€“ dash 夕暮れ', 'voilÃ le travail', 'Ã la mode', 'fÃ cil', 'l’humanitÃ© 红灯笼', 'schÃ¶n 🎬', 'Â© 2024', '20Â°C',
    'price: Â£5', 'aÂ\xa0b', 'Ã¢â‚¬â„¢', 'donÃ¢â‚¬â„¢t', '&Atilde;&copy;', '\x93quoted\x94 and it\x92s', 'caf\x8e', 'é\x97', 'Â Â two',
    'CrÃ¨me BrÃ»lÃ©e, extra sweet', 'Ã\x89cole', 'L\u00e2\u0080\u0099eau', 'maÃ±ana\nseÃ±or café', 'one Ã©\ntwo é', 'ï»¿start', 'â„¢', 'â†’ arrow',
    'Ð¡Ð½ÐµÐ³', 'æ—¥æœ¬', 'ã\x81“ã‚“', 'ðŸŽ¬ action', 'Ã\xad', 'Ù\x81Ø§Ù†Ù\x88Ø³', 'à¤²à¤¾à¤²', 'ÃƒÂ©', 'Äú', 'ÅÄ', 'Ä‡evapi', 'Å¡koda',
]


def prompt_clean(text):
    text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return re.sub(r'\s+', ' ', text).strip()


def misread(text):
    """UTF-8 read as Windows-1252, its unassigned bytes as Latin-1; twice; and as Latin-1."""
    def once(value):
        return ''.join(bytes([b]).decode('cp1252') if b not in (0x81, 0x8d, 0x8f, 0x90, 0x9d) else chr(b)
                       for b in value.encode())
    return [once(text), once(once(text)), text.encode().decode('latin-1')]


def main():
    texts = [*RIGHT, *MENDED, *HTML, *MIXED, *(bad for text in BROKEN for bad in misread(text))]
    for text in dict.fromkeys(texts):
        print(json.dumps(text), json.dumps(prompt_clean(text)), sep='\t')


if __name__ == '__main__':
    main()
