/* schema_text.c - the table told to people (avow.yaml(5)) and to programs (JSON Schema). */
#include "avow/config/schema.h"

#include <stdio.h>
#include <string.h>

#include "avow/base/result.h"
#include "load.h"

/* ---- what a value looks like, in words --------------------------------------------------------*/

static void add_limits(struct buffer *text, const struct schema_key *key)
{
    char least[LOADER_WORD_OCTETS], most[LOADER_WORD_OCTETS];

    if (key->kind == SCHEMA_COUNT)
        buffer_format(text, "a number from %llu to %llu", (unsigned long long)key->least,
                      (unsigned long long)key->most);
    else if (key->kind == SCHEMA_DURATION)
        buffer_format(text, "a duration from %s to %s", value_duration_to_text(key->least, least),
                      value_duration_to_text(key->most, most));
    else
        buffer_format(text, "a size from %s to %s", value_size_to_text(key->least, least),
                      value_size_to_text(key->most, most));
}

static void add_words(struct buffer *text, const struct schema_key *key)
{
    for (size_t i = 0; i < key->word_count; i++)
        buffer_format(text, "%s%s",
                      i == 0                     ? ""
                      : i + 1 == key->word_count ? " or "
                                                 : ", ",
                      key->words[i].word);
}

static const char *kind_text(enum schema_kind kind)
{
    static const char *const texts[] = {
        [SCHEMA_MAP] = "a mapping",
        [SCHEMA_VARIABLES] = "a mapping of names to texts",
        [SCHEMA_TEXT] = "a text",
        [SCHEMA_TEXT_OR_OFF] = "a text or off",
        [SCHEMA_LABEL] = "a name",
        [SCHEMA_SWITCH] = "on or off",
        [SCHEMA_LOG_TARGET] = "stderr, syslog or a path",
        [SCHEMA_ADDRESS] = "an address",
        [SCHEMA_PREFIX] = "an address or prefix",
        [SCHEMA_NAME] = "a domain name",
        [SCHEMA_NAME_POINTER] = "a domain name",
        [SCHEMA_PIN] = "SHA-256 in base64",
        [SCHEMA_TYPE] = "a record type",
        [SCHEMA_PATH] = "a path",
        [SCHEMA_URI] = "a PKCS#11 URI",
        [SCHEMA_SECRET] = "base64",
        [SCHEMA_HEX_SECRET] = "32 hexadecimal digits",
        [SCHEMA_KEYSTORE] = "the name of a keystore",
        [SCHEMA_TSIG_KEY] = "the name of a TSIG key",
        [SCHEMA_POLICY] = "the name of a policy, or none",
    };
    return texts[kind];
}

static void add_value(struct buffer *text, const struct schema_key *key)
{
    if (key->list)
        buffer_text(text, "a list; each entry ");
    if (key->kind == SCHEMA_COUNT || key->kind == SCHEMA_DURATION || key->kind == SCHEMA_SIZE)
        add_limits(text, key);
    else if (key->words)
        add_words(text, key);
    else
        buffer_text(text, kind_text(key->kind));
}

static void add_default(struct buffer *text, const struct schema_key *key)
{
    if (key->required)
        buffer_text(text, "required");
    else if (key->fallback)
        buffer_format(text, "default %s", key->fallback);
    else if (key->otherwise)
        buffer_format(text, "left out: %s", key->otherwise);
    else
        buffer_text(text, "may be left out");
}

/* ---- avow.yaml(5) -----------------------------------------------------------------------------*/

static const char man_begin[] =
    ".\\\" Made from the table in src/config/schema.c; test_config_schema says how.\n"
    ".Dd November 28, 2026\n"
    ".Dt AVOW.YAML 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm avow.yaml\n"
    ".Nd configuration of the authoritative DNS server avowd\n"
    ".Sh DESCRIPTION\n"
    ".Xr avowd 8\n"
    "reads one file, by default\n"
    ".Pa /etc/avow/avow.yaml .\n"
    "It is YAML without aliases, anchors, tags, merge keys and further documents.\n"
    "Unknown keys and keys that come twice are errors.\n"
    "All errors are told at once, each with line and column;\n"
    ".Ql avowd -t\n"
    "and\n"
    ".Ql avowctl config check\n"
    "check a file without using it.\n"
    "Sections may come in any order.\n"
    ".Pp\n"
    "Values are written like this:\n"
    ".Bl -tag -width Ds\n"
    ".It on or off\n"
    "also yes, no, true, false.\n"
    ".It durations\n"
    "numbers with w, d, h, m, s, such as 90d or 1h30m;\n"
    "ISO 8601, such as P90D or PT1H; or plain seconds.\n"
    ".It sizes\n"
    "octets, or a number with K, M, G or T, powers of 1024.\n"
    ".It addresses\n"
    "192.0.2.1, 192.0.2.1@5300, or in quotes\n"
    ".Dq 2001:db8::1@5300 .\n"
    "Prefixes are written 192.0.2.0/24.\n"
    ".It domain names\n"
    "always absolute; the final dot may be left out.\n"
    ".It paths\n"
    "relative to the folder of the configuration file,\n"
    "unless they begin with a slash.\n"
    ".El\n";

static const char man_end[] =
    ".Sh FILES\n"
    ".Bl -tag -width Ds\n"
    ".It Pa /etc/avow/avow.yaml\n"
    "the configuration.\n"
    ".El\n"
    ".Sh EXAMPLES\n"
    "One signed zone, keys in SoftHSM:\n"
    ".Bd -literal -offset indent\n"
    "server:\n"
    "  listen: [192.0.2.53, \"2001:db8::53\"]\n"
    "  user: avow\n"
    "keystores:\n"
    "  - name: default\n"
    "    module: /usr/lib/softhsm/libsofthsm2.so\n"
    "    uri: \"pkcs11:token=avow\"\n"
    "    pin-file: pin\n"
    "policies:\n"
    "  - name: default\n"
    "zones:\n"
    "  - {name: example.com., file: example.com.zone}\n"
    ".Ed\n"
    ".Pp\n"
    "The same zone with a secondary, which may transfer it and is told of\n"
    "changes; a DHCP server, which may change and delete the names below\n"
    "dyn.example.com; an ACME client, which may set the one record that\n"
    "it needs; and a host, which may change its own addresses:\n"
    ".Bd -literal -offset indent\n"
    "tsig:\n"
    "  - {name: secondary.example., secret-file: secondary.key}\n"
    "  - {name: dhcp.example., secret-file: dhcp.key}\n"
    "  - {name: acme.example., secret-file: acme.key}\n"
    "  - {name: host1.example.com., secret-file: host1.key}\n"
    "zones:\n"
    "  - name: example.com.\n"
    "    file: example.com.zone\n"
    "    allow-transfer: [{key: secondary.example.}]\n"
    "    notify: [{address: 192.0.2.54, key: secondary.example.}]\n"
    "    allow-update:\n"
    "      - key: dhcp.example.\n"
    "        names: [{wildcard: \"*.dyn.example.com.\"}]\n"
    "        types: [A, AAAA, DHCID]\n"
    "      - key: acme.example.\n"
    "        address: 192.0.2.80\n"
    "        names: [{name: _acme-challenge.example.com.}]\n"
    "        types: [TXT]\n"
    "        records-per-name: 4\n"
    "      - key: host1.example.com.\n"
    "        names: [{self: name}]\n"
    "        types: [A, AAAA]\n"
    ".Ed\n"
    ".Sh SEE ALSO\n"
    ".Xr avowctl 8 ,\n"
    ".Xr avowd 8\n"
    ".Rs\n"
    ".%T Dynamic Updates in the Domain Name System\n"
    ".%R RFC 2136\n"
    ".Re\n"
    ".Rs\n"
    ".%T Domain Name System (DNS) Cookies\n"
    ".%R RFC 7873\n"
    ".Re\n"
    ".Rs\n"
    ".%T The PKCS #11 URI Scheme\n"
    ".%R RFC 7512\n"
    ".Re\n"
    ".Rs\n"
    ".%T Secret Key Transaction Authentication for DNS (TSIG)\n"
    ".%R RFC 8945\n"
    ".Re\n"
    ".Rs\n"
    ".%T Guidance for NSEC3 Parameter Settings\n"
    ".%R RFC 9276\n"
    ".Re\n";

enum { MAN_LINE = 78 };

/* Text between macros: a sentence begins a line, no line is long, and none begins with what mdoc
 * would take for a macro. */
static void man_text(struct buffer *text, const char *words)
{
    size_t column = 0;

    for (const char *at = words; *at;) {
        size_t length = strcspn(at, " ");
        bool full = column + 1 + length > MAN_LINE;
        bool sentence = column && at[-2] == '.';
        if (column)
            buffer_text(text, full || sentence ? "\n" : " ");
        column = column && !full && !sentence ? column + 1 : 0;
        if (column == 0 && (*at == '.' || *at == '\''))
            buffer_text(text, "\\&");
        for (size_t i = 0; i < length; i++)
            if (at[i] == '\\')
                buffer_text(text, "\\e");
            else
                buffer_u8(text, (uint8_t)at[i]);
        column += length;
        at += length;
        at += strspn(at, " ");
    }
    buffer_text(text, "\n");
}

static void man_keys(struct buffer *text, const struct schema_table *table)
{
    buffer_text(text, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct schema_key *key = &table->keys[i];
        struct buffer line = {.octets = NULL};
        buffer_format(text, ".It Ic %s :\n", key->name);
        add_value(&line, key);
        buffer_text(&line, "; ");
        add_default(&line, key);
        buffer_text(&line, ".");
        buffer_u8(&line, 0);
        if (buffer_check(&line))
            text->failed = true;
        else
            man_text(text, (const char *)line.octets);
        buffer_free(&line);
        buffer_text(text, ".br\n");
        man_text(text, key->help);
        if (key->inactive)
            buffer_text(text, "It is checked, but this version does not act on it.\n");
        if (key->table)
            man_keys(text, key->table);
    }
    buffer_text(text, ".El\n");
}

void config_schema_man(struct buffer *text)
{
    buffer_text(text, man_begin);
    for (size_t i = 0; i < schema_root.count; i++) {
        const struct schema_key *key = &schema_root.keys[i];
        buffer_format(text, ".Sh THE SECTION %s\n", key->name);
        man_text(text, key->help);
        buffer_format(text, "%s\n", key->list ? "A list; the keys of each entry:" : "Its keys:");
        if (key->inactive)
            buffer_text(text, "(It is checked, but this version does not act on it.)\n");
        man_keys(text, key->table);
    }
    buffer_text(text, man_end);
}

/* ---- JSON Schema ------------------------------------------------------------------------------*/

static void json_string(struct buffer *text, const char *words)
{
    buffer_text(text, "\"");
    for (const char *at = words; *at; at++) {
        if (*at == '"' || *at == '\\')
            buffer_text(text, "\\");
        buffer_u8(text, (uint8_t)*at);
    }
    buffer_text(text, "\"");
}

static void indent(struct buffer *text, unsigned depth)
{
    buffer_text(text, "\n");
    for (unsigned i = 0; i < depth; i++)
        buffer_text(text, "  ");
}

static void json_words(struct buffer *text, const struct schema_key *key)
{
    buffer_text(text, "\"enum\": [");
    for (size_t i = 0; i < key->word_count; i++) {
        buffer_text(text, i ? ", " : "");
        json_string(text, key->words[i].word);
    }
    buffer_text(text, "]");
}

/* Kinds whose form is a constant. Limits of durations and sizes are for the parser to judge. */
static const char *json_form(enum schema_kind kind)
{
    static const char *const forms[] = {
        [SCHEMA_VARIABLES] = "\"type\": [\"object\", \"null\"], "
                             "\"propertyNames\": {\"pattern\": \"^[A-Za-z_][A-Za-z0-9_]*$\"}, "
                             "\"additionalProperties\": {\"type\": [\"string\", \"number\", "
                             "\"boolean\"]}",
        [SCHEMA_TEXT] = "\"type\": [\"string\", \"number\", \"boolean\"]",
        [SCHEMA_TEXT_OR_OFF] = "\"type\": [\"string\", \"number\", \"boolean\"]",
        [SCHEMA_LABEL] = "\"type\": [\"string\", \"number\", \"boolean\"], "
                         "\"pattern\": \"^[A-Za-z0-9._-]{1,63}$\"",
        [SCHEMA_SWITCH] = "\"enum\": [true, false, \"on\", \"off\", \"yes\", \"no\"]",
        [SCHEMA_DURATION] =
            "\"type\": [\"integer\", \"string\"], \"pattern\": "
            "\"^([0-9]+|([0-9]+[Ww])?([0-9]+[Dd])?([0-9]+[Hh])?([0-9]+[Mm])?([0-9]+[Ss])?|"
            "P([0-9]+W)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+S)?)?)$\"",
        [SCHEMA_SIZE] = "\"type\": [\"integer\", \"string\"], "
                        "\"pattern\": \"^[0-9]+([KMGTkmgt](i?B)?)?$\"",
        [SCHEMA_LOG_TARGET] = "\"type\": \"string\"",
        [SCHEMA_ADDRESS] = "\"type\": \"string\", "
                           "\"pattern\": \"^[0-9A-Fa-f.:]+(@[0-9]{1,5})?$\"",
        [SCHEMA_PREFIX] = "\"type\": \"string\", "
                          "\"pattern\": \"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$\"",
        [SCHEMA_NAME] = "\"type\": \"string\", \"minLength\": 1",
        [SCHEMA_NAME_POINTER] = "\"type\": \"string\", \"minLength\": 1",
        [SCHEMA_PIN] = "\"type\": \"string\", \"pattern\": \"^[A-Za-z0-9+/]{43}=$\"",
        [SCHEMA_TYPE] = "\"type\": \"string\", \"pattern\": \"^[A-Za-z0-9-]+$\"",
        [SCHEMA_PATH] = "\"type\": \"string\", \"minLength\": 1",
        [SCHEMA_URI] = "\"type\": \"string\", \"pattern\": \"^pkcs11:.\"",
        [SCHEMA_SECRET] = "\"type\": \"string\", \"pattern\": \"^[A-Za-z0-9+/]+=*$\"",
        [SCHEMA_HEX_SECRET] = "\"type\": \"string\", \"pattern\": \"^[0-9A-Fa-f]{32}$\"",
        [SCHEMA_KEYSTORE] = "\"type\": [\"string\", \"number\", \"boolean\"]",
        [SCHEMA_TSIG_KEY] = "\"type\": \"string\", \"minLength\": 1",
        [SCHEMA_POLICY] = "\"type\": [\"string\", \"number\", \"boolean\"]",
    };
    return forms[kind];
}

static void json_table(struct buffer *text, const struct schema_table *table, unsigned depth);

static void json_value(struct buffer *text, const struct schema_key *key, unsigned depth)
{
    if (key->kind == SCHEMA_MAP)
        json_table(text, key->table, depth);
    else if (key->kind == SCHEMA_COUNT)
        buffer_format(text, "\"type\": \"integer\", \"minimum\": %llu, \"maximum\": %llu",
                      (unsigned long long)key->least, (unsigned long long)key->most);
    else if (key->words)
        json_words(text, key);
    else
        buffer_text(text, json_form(key->kind));
}

static bool json_default_is_bare(const struct schema_key *key)
{
    return key->kind == SCHEMA_COUNT;
}

static void json_key(struct buffer *text, const struct schema_key *key, unsigned depth)
{
    indent(text, depth);
    json_string(text, key->name);
    buffer_text(text, ": {");
    indent(text, depth + 1);
    buffer_text(text, "\"description\": ");
    json_string(text, key->help);
    buffer_text(text, ",");
    if (key->fallback) {
        indent(text, depth + 1);
        buffer_text(text, "\"default\": ");
        if (json_default_is_bare(key))
            buffer_text(text, key->fallback);
        else
            json_string(text, key->fallback);
        buffer_text(text, ",");
    }
    indent(text, depth + 1);
    if (key->list) {
        buffer_format(text, "\"type\": %s, ",
                      key->required ? "\"array\", \"minItems\": 1" : "[\"array\", \"null\"]");
        buffer_text(text, "\"items\": {");
        indent(text, depth + 2);
        json_value(text, key, depth + 2);
        indent(text, depth + 1);
        buffer_text(text, "}");
    } else {
        json_value(text, key, depth + 1);
    }
    indent(text, depth);
    buffer_text(text, "}");
}

static void json_table(struct buffer *text, const struct schema_table *table, unsigned depth)
{
    bool some = false;

    for (size_t i = 0; i < table->count; i++)
        some = some || table->keys[i].required;
    buffer_format(text, "\"type\": %s, \"additionalProperties\": false,",
                  some ? "\"object\"" : "[\"object\", \"null\"]");
    if (some) {
        const char *between = "";
        indent(text, depth);
        buffer_text(text, "\"required\": [");
        for (size_t i = 0; i < table->count; i++)
            if (table->keys[i].required) {
                buffer_format(text, "%s\"%s\"", between, table->keys[i].name);
                between = ", ";
            }
        buffer_text(text, "],");
    }
    indent(text, depth);
    buffer_text(text, "\"properties\": {");
    for (size_t i = 0; i < table->count; i++) {
        buffer_text(text, i ? "," : "");
        json_key(text, &table->keys[i], depth + 1);
    }
    indent(text, depth);
    buffer_text(text, "}");
}

void config_schema_json(struct buffer *text)
{
    buffer_text(text, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                      "  \"title\": \"avow.yaml\",\n  ");
    json_table(text, &schema_root, 1);
    buffer_text(text, "\n}\n");
}
