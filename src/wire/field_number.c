/* field_number.c - fields that are numbers: counts, periods, times, and numbers that have names. */
#include "field.h"

void u8_step(struct reader *rdata)
{
    (void)reader_take(rdata, 1);
}

bool u8_parse(struct input *input, struct writer *rdata)
{
    uint32_t value;

    if (!input_number(input, UINT8_MAX, &value))
        return false;
    writer_u8(rdata, (uint8_t)value);
    return true;
}

/* Decimal without printf: an export prints millions of these. */
static void print_number(struct buffer *text, uint32_t value)
{
    char digits[10];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buffer_add(text, digits + at, sizeof(digits) - at);
}

bool u8_print(struct reader *rdata, struct buffer *text)
{
    print_number(text, reader_u8(rdata));
    return true;
}

void u16_step(struct reader *rdata)
{
    (void)reader_take(rdata, 2);
}

bool u16_parse(struct input *input, struct writer *rdata)
{
    uint32_t value;

    if (!input_number(input, UINT16_MAX, &value))
        return false;
    writer_u16(rdata, (uint16_t)value);
    return true;
}

bool u16_print(struct reader *rdata, struct buffer *text)
{
    print_number(text, reader_u16(rdata));
    return true;
}

void u32_step(struct reader *rdata)
{
    (void)reader_take(rdata, 4);
}

bool u32_parse(struct input *input, struct writer *rdata)
{
    uint32_t value;

    if (!input_number(input, UINT32_MAX, &value))
        return false;
    writer_u32(rdata, value);
    return true;
}

bool u32_print(struct reader *rdata, struct buffer *text)
{
    print_number(text, reader_u32(rdata));
    return true;
}

/* ---- periods: seconds, or 1w2d3h4m5s ---- */

static uint32_t unit_seconds(char unit)
{
    switch (unit) {
    case 's':
    case 'S':
        return 1;
    case 'm':
    case 'M':
        return 60;
    case 'h':
    case 'H':
        return 3600;
    case 'd':
    case 'D':
        return 86400;
    case 'w':
    case 'W':
        return 604800;
    default:
        return 0;
    }
}

static bool period_from_text(const char *text, size_t length, uint32_t *seconds)
{
    uint64_t total = 0;

    for (size_t i = 0; i < length;) {
        size_t start = i;
        uint64_t number;
        while (i < length && text[i] >= '0' && text[i] <= '9')
            i++;
        if (i == length || !number_from_text(text + start, i - start, UINT32_MAX, &number))
            return false;
        uint32_t unit = unit_seconds(text[i++]);
        total += number * unit;
        if (unit == 0 || total > UINT32_MAX)
            return false;
    }
    *seconds = (uint32_t)total;
    return length > 0;
}

void period_step(struct reader *rdata)
{
    u32_step(rdata);
}

bool period_parse(struct input *input, struct writer *rdata)
{
    uint64_t number;
    uint32_t seconds;

    if (!input_need(input))
        return false;
    if (number_from_text(input->token.text, input->token.length, UINT32_MAX, &number))
        seconds = (uint32_t)number;
    else if (!period_from_text(input->token.text, input->token.length, &seconds))
        return input_refuse(input, "a number of seconds of 32 bits is wanted, or 1w2d3h4m5s");
    writer_u32(rdata, seconds);
    return true;
}

bool period_print(struct reader *rdata, struct buffer *text)
{
    return u32_print(rdata, text);
}

/* ---- times of signatures (RFC 4034 section 3.2) ---- */

/* Days since 1 January 1970 of a date in the Gregorian calendar; years are counted from March. */
static uint64_t days_from_date(uint64_t year, uint64_t month, uint64_t day)
{
    uint64_t y = month <= 2 ? year - 1 : year;
    uint64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static void date_from_days(uint64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    uint64_t z = days + 719468;
    uint64_t era = z / 146097, of_era = z % 146097;
    uint64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t from_march = (5 * of_year + 2) / 153;

    *day = (unsigned)(of_year - (153 * from_march + 2) / 5 + 1);
    *month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (unsigned)(era * 400 + year_of_era + (*month <= 2));
}

static unsigned days_in_month(uint64_t year, uint64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* YYYYMMDDHHMMSS. Beyond 2106 the 32 bits wrap: they are compared in serial arithmetic. */
static bool date_from_text(const char *text, uint32_t *seconds)
{
    static const uint8_t widths[] = {4, 2, 2, 2, 2, 2};
    uint64_t part[COUNT(widths)];

    for (size_t i = 0; i < COUNT(widths); text += widths[i++])
        if (!number_from_text(text, widths[i], 9999, &part[i]))
            return false;
    if (part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
        part[2] > days_in_month(part[0], part[1]) || part[3] > 23 || part[4] > 59 || part[5] > 60)
        return false;
    *seconds = (uint32_t)(days_from_date(part[0], part[1], part[2]) * 86400 + part[3] * 3600 +
                          part[4] * 60 + part[5]);
    return true;
}

void time_field_step(struct reader *rdata)
{
    u32_step(rdata);
}

bool time_field_parse(struct input *input, struct writer *rdata)
{
    uint64_t number;
    uint32_t seconds;

    if (!input_need(input))
        return false;
    if (input->token.length != 14 || !date_from_text(input->token.text, &seconds)) {
        if (!number_from_text(input->token.text, input->token.length, UINT32_MAX, &number))
            return input_refuse(input, "a time is wanted: YYYYMMDDHHMMSS, or seconds since 1970");
        seconds = (uint32_t)number;
    }
    writer_u32(rdata, seconds);
    return true;
}

/* Exactly so many digits. An export prints two times for each signature: no printf. */
static void put_digits(char *place, unsigned value, unsigned digits)
{
    for (; digits > 0; value /= 10)
        place[--digits] = (char)('0' + value % 10);
}

bool time_field_print(struct reader *rdata, struct buffer *text)
{
    uint32_t seconds = reader_u32(rdata);
    unsigned year, month, day;
    char date[14];

    date_from_days(seconds / 86400, &year, &month, &day);
    put_digits(date, year, 4);
    put_digits(date + 4, month, 2);
    put_digits(date + 6, day, 2);
    put_digits(date + 8, seconds / 3600 % 24, 2);
    put_digits(date + 10, seconds / 60 % 60, 2);
    put_digits(date + 12, seconds % 60, 2);
    buffer_add(text, date, sizeof(date));
    return true;
}

/* ---- numbers that have names ---- */

struct named {
    const char *name;
    uint16_t number;
};

/* https://www.iana.org/assignments/dns-sec-alg-numbers, and the names that other servers take. */
static const struct named algorithms[] = {
    {"RSAMD5", 1},
    {"DH", 2},
    {"DSA", 3},
    {"RSASHA1", 5},
    {"DSA-NSEC3-SHA1", 6},
    {"NSEC3DSA", 6},
    {"RSASHA1-NSEC3-SHA1", 7},
    {"NSEC3RSASHA1", 7},
    {"RSASHA256", 8},
    {"RSASHA512", 10},
    {"ECC-GOST", 12},
    {"ECCGOST", 12},
    {"ECDSAP256SHA256", 13},
    {"ECDSAP384SHA384", 14},
    {"ED25519", 15},
    {"ED448", 16},
    {"SM2SM3", 17},
    {"ECC-GOST12", 23},
    {"INDIRECT", 252},
    {"PRIVATEDNS", 253},
    {"PRIVATEOID", 254},
};

/* RFC 4398 section 2.1. */
static const struct named cert_types[] = {
    {"PKIX", 1}, {"SPKI", 2},   {"PGP", 3},     {"IPKIX", 4}, {"ISPKI", 5},
    {"IPGP", 6}, {"ACPKIX", 7}, {"IACPKIX", 8}, {"URI", 253}, {"OID", 254},
};

/* RFC 9859 section 2.1. */
static const struct named schemes[] = {{"NOTIFY", 1}};

/* The token as one of the names or as a number not above `most`. */
static bool parse_named(struct input *input, const struct named *names, size_t count, uint32_t most,
                        uint32_t *value)
{
    if (!input_need(input))
        return false;
    /* None of the names begins with a digit. */
    bool number = input->token.length > 0 && input->token.text[0] <= '9';
    for (size_t i = 0; i < count && !number; i++) {
        if (input_is(input, names[i].name)) {
            *value = names[i].number;
            return true;
        }
    }
    input_hold(input);
    return input_number(input, most, value);
}

static void print_named(struct buffer *text, const struct named *names, size_t count,
                        uint32_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].number == value) {
            buffer_text(text, names[i].name);
            return;
        }
    }
    print_number(text, value);
}

void algorithm_step(struct reader *rdata)
{
    u8_step(rdata);
}

bool algorithm_parse(struct input *input, struct writer *rdata)
{
    uint32_t value;

    if (!parse_named(input, algorithms, COUNT(algorithms), UINT8_MAX, &value))
        return false;
    writer_u8(rdata, (uint8_t)value);
    return true;
}

/* As a number: that is what every other program prints and reads. */
bool algorithm_print(struct reader *rdata, struct buffer *text)
{
    return u8_print(rdata, text);
}

void cert_type_step(struct reader *rdata)
{
    u16_step(rdata);
}

bool cert_type_parse(struct input *input, struct writer *rdata)
{
    uint32_t value;

    if (!parse_named(input, cert_types, COUNT(cert_types), UINT16_MAX, &value))
        return false;
    writer_u16(rdata, (uint16_t)value);
    return true;
}

bool cert_type_print(struct reader *rdata, struct buffer *text)
{
    print_named(text, cert_types, COUNT(cert_types), reader_u16(rdata));
    return true;
}

void scheme_step(struct reader *rdata)
{
    u8_step(rdata);
}

bool scheme_parse(struct input *input, struct writer *rdata)
{
    uint32_t value;

    if (!parse_named(input, schemes, COUNT(schemes), UINT8_MAX, &value))
        return false;
    writer_u8(rdata, (uint8_t)value);
    return true;
}

bool scheme_print(struct reader *rdata, struct buffer *text)
{
    print_named(text, schemes, COUNT(schemes), reader_u8(rdata));
    return true;
}

void type_field_step(struct reader *rdata)
{
    u16_step(rdata);
}

bool type_field_parse(struct input *input, struct writer *rdata)
{
    uint16_t type;

    if (!input_need(input))
        return false;
    if (type_from_text(input->token.text, input->token.length, &type))
        return input_refuse(input, "a record type is wanted: a mnemonic, or TYPE and a number");
    writer_u16(rdata, type);
    return true;
}

bool type_field_print(struct reader *rdata, struct buffer *text)
{
    char name[TYPE_MAX_TEXT];

    buffer_text(text, type_to_text(reader_u16(rdata), name));
    return true;
}
