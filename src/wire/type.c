/* type.c - the table of record types, and their names. */
#include "avow/wire/type.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "type_row.h"

/* Fields in short, for the table alone. */
#define NAME      FIELD_NAME
#define U8        FIELD_U8
#define U16       FIELD_U16
#define U32       FIELD_U32
#define PERIOD    FIELD_PERIOD
#define TIME      FIELD_TIME
#define STRING    FIELD_STRING
#define ALGORITHM FIELD_ALGORITHM

#define OLD (ROW_COMPRESSED | ROW_LOWERED)

/* One row per type, at its number. */
static const struct type_row rows[] = {
    [TYPE_A] = {"A", NULL, {FIELD_IP4}, 0},
    [TYPE_NS] = {"NS", NULL, {NAME}, OLD | ROW_TARGET},
    [TYPE_MD] = {"MD", NULL, {NAME}, OLD | ROW_TARGET},
    [TYPE_MF] = {"MF", NULL, {NAME}, OLD | ROW_TARGET},
    [TYPE_CNAME] = {"CNAME", NULL, {NAME}, OLD | ROW_TARGET},
    [TYPE_SOA] = {"SOA", NULL, {NAME, NAME, U32, PERIOD, PERIOD, PERIOD, PERIOD}, OLD},
    [TYPE_MB] = {"MB", NULL, {NAME}, OLD | ROW_TARGET},
    [TYPE_MG] = {"MG", NULL, {NAME}, OLD},
    [TYPE_MR] = {"MR", NULL, {NAME}, OLD},
    [TYPE_NULL] = {"NULL", NULL, {FIELD_END}, 0},
    [TYPE_WKS] = {"WKS", NULL, {FIELD_IP4, U8, FIELD_OCTETS}, ROW_GENERIC},
    [TYPE_PTR] = {"PTR", NULL, {NAME}, OLD | ROW_TARGET},
    [TYPE_HINFO] = {"HINFO", NULL, {STRING, STRING}, 0},
    [TYPE_MINFO] = {"MINFO", NULL, {NAME, NAME}, OLD},
    [TYPE_MX] = {"MX", NULL, {U16, NAME}, OLD | ROW_TARGET},
    [TYPE_TXT] = {"TXT", NULL, {FIELD_STRINGS}, 0},
    [TYPE_RP] = {"RP", NULL, {NAME, NAME}, OLD},
    [TYPE_AFSDB] = {"AFSDB", NULL, {U16, NAME}, OLD | ROW_TARGET},
    [TYPE_X25] = {"X25", NULL, {FIELD_DIGITS}, 0},
    [TYPE_ISDN] = {"ISDN", NULL, {STRING, FIELD_STRING_MAYBE}, 0},
    [TYPE_RT] = {"RT", NULL, {U16, NAME}, OLD | ROW_TARGET},
    [TYPE_NSAP] = {"NSAP", NULL, {FIELD_NSAP}, 0},
    [TYPE_NSAP_PTR] = {"NSAP-PTR", NULL, {NAME}, 0},
    [TYPE_SIG] = {"SIG",
                  NULL,
                  {FIELD_TYPE, ALGORITHM, U8, PERIOD, TIME, TIME, U16, NAME, FIELD_BASE64},
                  OLD},
    [TYPE_KEY] = {"KEY", rule_key, {U16, U8, ALGORITHM, FIELD_BASE64_MAYBE}, 0},
    [TYPE_PX] = {"PX", NULL, {U16, NAME, NAME}, OLD},
    [TYPE_GPOS] = {"GPOS", NULL, {FIELD_DEGREES, FIELD_DEGREES, FIELD_DEGREES}, 0},
    [TYPE_AAAA] = {"AAAA", NULL, {FIELD_IP6}, 0},
    [TYPE_LOC] = {"LOC", NULL, {FIELD_LOCATION}, 0},
    [TYPE_NXT] = {"NXT", NULL, {NAME, FIELD_OCTETS}, OLD | ROW_GENERIC},
    [TYPE_EID] = {"EID", NULL, {FIELD_HEX}, 0},
    [TYPE_NIMLOC] = {"NIMLOC", NULL, {FIELD_HEX}, 0},
    [TYPE_SRV] = {"SRV", NULL, {U16, U16, U16, NAME}, OLD | ROW_TARGET},
    [TYPE_ATMA] = {"ATMA", NULL, {U8, FIELD_OCTETS}, ROW_GENERIC},
    [TYPE_NAPTR] = {"NAPTR", NULL, {U16, U16, STRING, STRING, STRING, NAME}, OLD | ROW_TARGET},
    [TYPE_KX] = {"KX", NULL, {U16, NAME}, ROW_LOWERED | ROW_TARGET},
    [TYPE_CERT] = {"CERT", NULL, {FIELD_CERT_TYPE, U16, ALGORITHM, FIELD_BASE64}, 0},
    [TYPE_A6] = {"A6", NULL, {FIELD_END}, 0},
    [TYPE_DNAME] = {"DNAME", NULL, {NAME}, ROW_LOWERED | ROW_TARGET},
    [TYPE_SINK] = {"SINK", NULL, {FIELD_END}, 0},
    [TYPE_OPT] = {"OPT", NULL, {FIELD_OPTIONS}, ROW_GENERIC},
    [TYPE_APL] = {"APL", NULL, {FIELD_PREFIXES}, 0},
    [TYPE_DS] = {"DS", rule_ds, {U16, ALGORITHM, U8, FIELD_HEX}, 0},
    [TYPE_SSHFP] = {"SSHFP", rule_sshfp, {U8, U8, FIELD_HEX}, 0},
    [TYPE_IPSECKEY] = {"IPSECKEY", NULL, {U8, FIELD_IPSEC_GATEWAY, FIELD_BASE64_MAYBE}, 0},
    /* RFC 6840 section 5.1 keeps the signer's name of RRSIG in lower case, not the next of NSEC. */
    [TYPE_RRSIG] = {"RRSIG",
                    NULL,
                    {FIELD_TYPE, ALGORITHM, U8, PERIOD, TIME, TIME, U16, NAME, FIELD_BASE64},
                    ROW_LOWERED},
    [TYPE_NSEC] = {"NSEC", NULL, {NAME, FIELD_BITMAP}, 0},
    [TYPE_DNSKEY] = {"DNSKEY", NULL, {U16, U8, ALGORITHM, FIELD_BASE64}, 0},
    [TYPE_DHCID] = {"DHCID", rule_dhcid, {FIELD_BASE64}, 0},
    [TYPE_NSEC3] = {"NSEC3", NULL, {U8, U8, U16, FIELD_SALT, FIELD_HASH, FIELD_BITMAP_MAYBE}, 0},
    [TYPE_NSEC3PARAM] = {"NSEC3PARAM", NULL, {U8, U8, U16, FIELD_SALT}, 0},
    [TYPE_TLSA] = {"TLSA", NULL, {U8, U8, U8, FIELD_HEX}, 0},
    [TYPE_SMIMEA] = {"SMIMEA", NULL, {U8, U8, U8, FIELD_HEX}, 0},
    [TYPE_HIP] = {"HIP", NULL, {FIELD_HOST_IDENTITY}, 0},
    [TYPE_NINFO] = {"NINFO", NULL, {FIELD_STRINGS}, 0},
    [TYPE_RKEY] = {"RKEY", NULL, {U16, U8, ALGORITHM, FIELD_BASE64}, 0},
    [TYPE_TALINK] = {"TALINK", NULL, {NAME, NAME}, 0},
    [TYPE_CDS] = {"CDS", rule_ds, {U16, ALGORITHM, U8, FIELD_HEX}, 0},
    [TYPE_CDNSKEY] = {"CDNSKEY", NULL, {U16, U8, ALGORITHM, FIELD_BASE64}, 0},
    [TYPE_OPENPGPKEY] = {"OPENPGPKEY", NULL, {FIELD_BASE64}, 0},
    [TYPE_CSYNC] = {"CSYNC", NULL, {U32, U16, FIELD_BITMAP_MAYBE}, 0},
    [TYPE_ZONEMD] = {"ZONEMD", rule_zonemd, {U32, U8, U8, FIELD_HEX}, 0},
    [TYPE_SVCB] = {"SVCB", NULL, {U16, NAME, FIELD_PARAMETERS}, ROW_TARGET},
    [TYPE_HTTPS] = {"HTTPS", NULL, {U16, NAME, FIELD_PARAMETERS}, ROW_TARGET},
    [TYPE_DSYNC] = {"DSYNC", NULL, {FIELD_TYPE, FIELD_SCHEME, U16, NAME}, 0},
    [TYPE_SPF] = {"SPF", NULL, {FIELD_STRINGS}, 0},
    [TYPE_NID] = {"NID", NULL, {U16, FIELD_LOCATOR}, 0},
    [TYPE_L32] = {"L32", NULL, {U16, FIELD_IP4}, 0},
    [TYPE_L64] = {"L64", NULL, {U16, FIELD_LOCATOR}, 0},
    [TYPE_LP] = {"LP", NULL, {U16, NAME}, ROW_TARGET},
    [TYPE_EUI48] = {"EUI48", NULL, {FIELD_EUI48}, 0},
    [TYPE_EUI64] = {"EUI64", NULL, {FIELD_EUI64}, 0},
    [TYPE_NXNAME] = {"NXNAME", NULL, {FIELD_END}, 0},
    [TYPE_TKEY] = {"TKEY", NULL, {FIELD_END}, 0},
    [TYPE_TSIG] = {"TSIG", NULL, {FIELD_END}, 0},
    [TYPE_IXFR] = {"IXFR", NULL, {FIELD_END}, 0},
    [TYPE_AXFR] = {"AXFR", NULL, {FIELD_END}, 0},
    [TYPE_MAILB] = {"MAILB", NULL, {FIELD_END}, 0},
    [TYPE_MAILA] = {"MAILA", NULL, {FIELD_END}, 0},
    [TYPE_ANY] = {"ANY", NULL, {FIELD_END}, 0},
    [TYPE_URI] = {"URI", NULL, {U16, U16, FIELD_TEXT_SOME}, 0},
    [TYPE_CAA] = {"CAA", NULL, {U8, FIELD_TAG, FIELD_TEXT}, 0},
    [TYPE_AVC] = {"AVC", NULL, {FIELD_STRINGS}, 0},
    [TYPE_DOA] = {"DOA", NULL, {U32, U32, U8, STRING, FIELD_BASE64_DASH}, 0},
    [TYPE_AMTRELAY] = {"AMTRELAY", NULL, {U8, FIELD_RELAY}, 0},
    [TYPE_RESINFO] = {"RESINFO", NULL, {FIELD_STRINGS}, 0},
    [TYPE_WALLET] = {"WALLET", NULL, {FIELD_STRINGS}, 0},
};

/* Rows far beyond the others. */
static const struct type_row row_ta = {"TA", rule_ds, {U16, ALGORITHM, U8, FIELD_HEX}, 0};
static const struct type_row row_dlv = {"DLV", rule_ds, {U16, ALGORITHM, U8, FIELD_HEX}, 0};

/* Types that have a mnemonic, in the order of their mnemonics (a unit test holds it to that). */
static const uint16_t by_mnemonic[] = {
    TYPE_A,        TYPE_A6,         TYPE_AAAA,   TYPE_AFSDB,      TYPE_AMTRELAY, TYPE_ANY,
    TYPE_APL,      TYPE_ATMA,       TYPE_AVC,    TYPE_AXFR,       TYPE_CAA,      TYPE_CDNSKEY,
    TYPE_CDS,      TYPE_CERT,       TYPE_CNAME,  TYPE_CSYNC,      TYPE_DHCID,    TYPE_DLV,
    TYPE_DNAME,    TYPE_DNSKEY,     TYPE_DOA,    TYPE_DS,         TYPE_DSYNC,    TYPE_EID,
    TYPE_EUI48,    TYPE_EUI64,      TYPE_GPOS,   TYPE_HINFO,      TYPE_HIP,      TYPE_HTTPS,
    TYPE_IPSECKEY, TYPE_ISDN,       TYPE_IXFR,   TYPE_KEY,        TYPE_KX,       TYPE_L32,
    TYPE_L64,      TYPE_LOC,        TYPE_LP,     TYPE_MAILA,      TYPE_MAILB,    TYPE_MB,
    TYPE_MD,       TYPE_MF,         TYPE_MG,     TYPE_MINFO,      TYPE_MR,       TYPE_MX,
    TYPE_NAPTR,    TYPE_NID,        TYPE_NIMLOC, TYPE_NINFO,      TYPE_NS,       TYPE_NSAP,
    TYPE_NSAP_PTR, TYPE_NSEC,       TYPE_NSEC3,  TYPE_NSEC3PARAM, TYPE_NULL,     TYPE_NXNAME,
    TYPE_NXT,      TYPE_OPENPGPKEY, TYPE_OPT,    TYPE_PTR,        TYPE_PX,       TYPE_RESINFO,
    TYPE_RKEY,     TYPE_RP,         TYPE_RRSIG,  TYPE_RT,         TYPE_SIG,      TYPE_SINK,
    TYPE_SMIMEA,   TYPE_SOA,        TYPE_SPF,    TYPE_SRV,        TYPE_SSHFP,    TYPE_SVCB,
    TYPE_TA,       TYPE_TALINK,     TYPE_TKEY,   TYPE_TLSA,       TYPE_TSIG,     TYPE_TXT,
    TYPE_URI,      TYPE_WALLET,     TYPE_WKS,    TYPE_X25,        TYPE_ZONEMD,
};

static const struct {
    const char *mnemonic;
    uint16_t class_;
} classes[] = {{"IN", CLASS_IN},     {"CH", CLASS_CH},   {"HS", CLASS_HS},
               {"NONE", CLASS_NONE}, {"ANY", CLASS_ANY}, {"CHAOS", CLASS_CH}};

const struct type_row *type_row(uint16_t type)
{
    if (type < COUNT(rows))
        return rows[type].mnemonic ? &rows[type] : NULL;
    if (type == TYPE_TA)
        return &row_ta;
    return type == TYPE_DLV ? &row_dlv : NULL;
}

const char *type_to_text(uint16_t type, char text[TYPE_MAX_TEXT])
{
    const struct type_row *row = type_row(type);
    if (row)
        return row->mnemonic;
    (void)snprintf(text, TYPE_MAX_TEXT, "TYPE%u", type);
    return text;
}

/* Order of `text`, in any case, and a mnemonic. */
static int compare_mnemonic(const char *text, size_t length, const char *mnemonic)
{
    int order = strncasecmp(text, mnemonic, length);
    return order == 0 && mnemonic[length] != '\0' ? -1 : order;
}

static bool find_mnemonic(const char *text, size_t length, uint16_t *type)
{
    size_t low = 0, high = COUNT(by_mnemonic);

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare_mnemonic(text, length, type_row(by_mnemonic[middle])->mnemonic);
        if (order == 0) {
            *type = by_mnemonic[middle];
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

#define PACK(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

/* Nine in ten records of a large zone have one of these types; a load asks for each record. */
static uint16_t find_common(const char *text, size_t length)
{
    uint32_t packed = 0;

    if (length > 4)
        return TYPE_NONE;
    for (size_t i = 0; i < length; i++) {
        uint8_t upper = (uint8_t)text[i] & 0xdf;
        if (upper == 0)
            return TYPE_NONE;
        packed = packed << 8 | upper;
    }
    switch (packed) {
    case PACK(0, 0, 0, 'A'):
        return TYPE_A;
    case PACK(0, 0, 'N', 'S'):
        return TYPE_NS;
    case PACK(0, 0, 'M', 'X'):
        return TYPE_MX;
    case PACK(0, 0, 'D', 'S'):
        return TYPE_DS;
    case PACK(0, 'T', 'X', 'T'):
        return TYPE_TXT;
    case PACK('A', 'A', 'A', 'A'):
        return TYPE_AAAA;
    default:
        return TYPE_NONE;
    }
}

/* The number after a prefix such as TYPE: 16 bits, decimal, all of it (RFC 3597 section 5). */
static enum result number_after(const char *prefix, const char *text, size_t length,
                                uint16_t *number)
{
    size_t skip = strlen(prefix);
    uint32_t value = 0;

    if (length <= skip || length > skip + 5 || strncasecmp(text, prefix, skip) != 0)
        return RESULT_FORMAT;
    for (size_t i = skip; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return RESULT_FORMAT;
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    if (value > UINT16_MAX)
        return RESULT_FORMAT;
    *number = (uint16_t)value;
    return RESULT_OK;
}

enum result type_from_text(const char *text, size_t length, uint16_t *type)
{
    uint16_t common = find_common(text, length);
    if (common != TYPE_NONE) {
        *type = common;
        return RESULT_OK;
    }
    /* Longer than any mnemonic is no mnemonic; shorter, it is compared within its length. */
    if (length > 0 && length < TYPE_MAX_TEXT && !memchr(text, '\0', length) &&
        find_mnemonic(text, length, type))
        return RESULT_OK;
    return number_after("TYPE", text, length, type);
}

const char *class_to_text(uint16_t class_, char text[TYPE_MAX_TEXT])
{
    for (size_t i = 0; i < COUNT(classes); i++)
        if (classes[i].class_ == class_)
            return classes[i].mnemonic;
    (void)snprintf(text, TYPE_MAX_TEXT, "CLASS%u", class_);
    return text;
}

enum result class_from_text(const char *text, size_t length, uint16_t *class_)
{
    for (size_t i = 0; i < COUNT(classes); i++) {
        if (strlen(classes[i].mnemonic) == length &&
            strncasecmp(text, classes[i].mnemonic, length) == 0) {
            *class_ = classes[i].class_;
            return RESULT_OK;
        }
    }
    return number_after("CLASS", text, length, class_);
}

bool type_is_meta(uint16_t type)
{
    return type == TYPE_NONE || type == TYPE_OPT || (type >= 128 && type <= 255) ||
           type == UINT16_MAX;
}

bool type_is_made_by_signer(uint16_t type)
{
    return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 || type == TYPE_NSEC3PARAM;
}
