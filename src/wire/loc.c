/* loc.c - locations (RFC 1876). */
#include <inttypes.h>
#include <string.h>

#include "field.h"

#define EQUATOR UINT32_C(0x80000000) /* thousandths of a second of arc; the prime meridian too */
enum {
    DEGREE = 3600000, /* thousandths of a second of arc */
    MINUTE = 60000,
    LATITUDE_MOST = 90 * DEGREE,
    LONGITUDE_MOST = 180 * DEGREE,
    SEA_LEVEL = 10000000, /* centimetres above what the altitude counts from */
    LOC_REST = 15         /* octets behind the version */
};

/* Mantissa and exponent, each a decimal digit. */
static bool precision_valid(uint8_t precision)
{
    return precision >> 4 <= 9 && (precision & 15) <= 9;
}

static bool angle_valid(uint32_t angle, uint32_t most)
{
    return angle >= EQUATOR - most && angle <= EQUATOR + most;
}

void location_step(struct reader *rdata)
{
    /* Another version may be anything at all (section 2); it has no text but the generic one. */
    if (reader_u8(rdata) != 0) {
        (void)reader_take(rdata, reader_left(rdata));
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        if (!precision_valid(reader_u8(rdata)))
            reader_fail(rdata);
    uint32_t latitude = reader_u32(rdata), longitude = reader_u32(rdata);
    (void)reader_u32(rdata);
    if (!angle_valid(latitude, LATITUDE_MOST) || !angle_valid(longitude, LONGITUDE_MOST))
        reader_fail(rdata);
}

/* ---- in ---- */

/* Digits with up to `places` decimals, in units of the last place. */
static bool decimal_from_text(const char *text, size_t length, unsigned places, uint64_t *value)
{
    const char *point = memchr(text, '.', length);
    size_t whole = point ? (size_t)(point - text) : length;
    size_t decimals = point ? length - whole - 1 : 0;
    uint64_t number, fraction = 0;

    if (decimals > places || (point && decimals == 0) ||
        !number_from_text(text, whole, UINT32_MAX, &number) ||
        (point && !number_from_text(point + 1, decimals, UINT32_MAX, &fraction)))
        return false;
    for (size_t i = 0; i < places; i++)
        number *= 10;
    for (size_t i = decimals; i < places; i++)
        fraction *= 10;
    *value = number + fraction;
    return true;
}

/* Metres, with or without the m, in centimetres. */
static bool metres_from_text(const struct token *token, uint64_t *centimetres)
{
    size_t length = token->length;

    if (length > 0 && (token->text[length - 1] == 'm' || token->text[length - 1] == 'M'))
        length--;
    return decimal_from_text(token->text, length, 2, centimetres);
}

/* The next token as a part of an angle, or as the letter of its hemisphere. */
enum angle_part { ANGLE_NUMBER, ANGLE_POSITIVE, ANGLE_NEGATIVE, ANGLE_WRONG };

static enum angle_part angle_part(struct input *input, const char *hemispheres, unsigned places,
                                  uint64_t *value)
{
    const char letters[2][2] = {{hemispheres[0], '\0'}, {hemispheres[1], '\0'}};

    if (!input_next(input))
        return ANGLE_WRONG;
    if (input_is(input, letters[0]))
        return ANGLE_POSITIVE;
    if (input_is(input, letters[1]))
        return ANGLE_NEGATIVE;
    return decimal_from_text(input->token.text, input->token.length, places, value) ? ANGLE_NUMBER
                                                                                    : ANGLE_WRONG;
}

/* Degrees, maybe minutes, maybe seconds, hemisphere. */
static bool parse_angle(struct input *input, const char *hemispheres, uint32_t most,
                        uint32_t *angle)
{
    static const struct {
        uint64_t below;
        uint32_t unit;
        unsigned places;
    } parts[] = {{181, DEGREE, 0}, {60, MINUTE, 0}, {60000, 1, 3}};
    enum angle_part part = ANGLE_NUMBER;
    uint64_t total = 0;

    for (size_t i = 0; i < COUNT(parts) && part == ANGLE_NUMBER; i++) {
        uint64_t value = 0;
        part = angle_part(input, hemispheres, parts[i].places, &value);
        if (value >= parts[i].below || (i == 0 && part != ANGLE_NUMBER))
            return false;
        total += value * parts[i].unit;
    }
    uint64_t none;
    if (part == ANGLE_NUMBER)
        part = angle_part(input, hemispheres, 0, &none);
    if ((part != ANGLE_POSITIVE && part != ANGLE_NEGATIVE) || total > most)
        return false;
    *angle = part == ANGLE_POSITIVE ? EQUATOR + (uint32_t)total : EQUATOR - (uint32_t)total;
    return true;
}

/* -100000.00 to 42849672.95 metres. */
static bool parse_altitude(struct input *input, uint32_t *altitude)
{
    uint64_t centimetres;

    if (!input_next(input))
        return false;
    struct token token = input->token;
    bool below = token.length > 0 && token.text[0] == '-';
    if (below || (token.length > 0 && token.text[0] == '+')) {
        token.text++;
        token.length--;
    }
    if (!metres_from_text(&token, &centimetres) ||
        centimetres > (below ? SEA_LEVEL : (uint64_t)UINT32_MAX - SEA_LEVEL))
        return false;
    *altitude = (uint32_t)(below ? SEA_LEVEL - centimetres : SEA_LEVEL + centimetres);
    return true;
}

/* 0 to 90000000 metres, cut to one digit and its power of ten; `otherwise` when left out. */
static bool parse_precision(struct input *input, uint8_t otherwise, uint8_t *precision)
{
    uint64_t centimetres;
    unsigned exponent = 0;

    *precision = otherwise;
    if (!input_next(input))
        return true;
    if (!metres_from_text(&input->token, &centimetres) || centimetres > UINT64_C(9000000000))
        return false;
    for (; centimetres > 9; centimetres /= 10)
        exponent++;
    *precision = (uint8_t)(centimetres << 4 | exponent);
    return true;
}

bool location_parse(struct input *input, struct writer *rdata)
{
    /* 1 m, 10 km, 10 m (section 3). */
    static const uint8_t defaults[] = {0x12, 0x16, 0x13};
    uint8_t precision[COUNT(defaults)];
    uint32_t latitude, longitude, altitude;

    if (!parse_angle(input, "NS", LATITUDE_MOST, &latitude))
        return input_refuse(input, "a latitude is wanted, such as 42 21 54.5 N");
    if (!parse_angle(input, "EW", LONGITUDE_MOST, &longitude))
        return input_refuse(input, "a longitude is wanted, such as 71 06 18.3 W");
    if (!parse_altitude(input, &altitude))
        return input_refuse(input, "an altitude from -100000.00 to 42849672.95 m is wanted");
    for (size_t i = 0; i < COUNT(defaults); i++)
        if (!parse_precision(input, defaults[i], &precision[i]))
            return input_refuse(input, "a size from 0 to 90000000.00 m is wanted");
    writer_u8(rdata, 0);
    writer_add(rdata, precision, sizeof(precision));
    writer_u32(rdata, latitude);
    writer_u32(rdata, longitude);
    writer_u32(rdata, altitude);
    return true;
}

/* ---- out ---- */

static void print_angle(struct buffer *text, uint32_t angle, const char *hemispheres)
{
    bool positive = angle >= EQUATOR;
    uint32_t size = positive ? angle - EQUATOR : EQUATOR - angle;

    buffer_format(text, "%" PRIu32 " %" PRIu32 " %" PRIu32 ".%03" PRIu32 " %c ", size / DEGREE,
                  size / MINUTE % 60, size / 1000 % 60, size % 1000, hemispheres[!positive]);
}

static void print_metres(struct buffer *text, uint64_t centimetres)
{
    buffer_format(text, "%" PRIu64 ".%02" PRIu64 "m", centimetres / 100, centimetres % 100);
}

static uint64_t precision_centimetres(uint8_t precision)
{
    uint64_t value = precision >> 4;

    for (unsigned i = 0; i < (precision & 15); i++)
        value *= 10;
    return value;
}

bool location_print(struct reader *rdata, struct buffer *text)
{
    if (reader_u8(rdata) != 0)
        return false;
    const uint8_t *precision = reader_take(rdata, 3);
    uint32_t latitude = reader_u32(rdata), longitude = reader_u32(rdata);
    int64_t altitude = (int64_t)reader_u32(rdata) - SEA_LEVEL;

    if (!precision)
        return false;
    print_angle(text, latitude, "NS");
    print_angle(text, longitude, "EW");
    if (altitude < 0)
        buffer_u8(text, '-');
    print_metres(text, (uint64_t)(altitude < 0 ? -altitude : altitude));
    for (unsigned i = 0; i < 3; i++) {
        /* Zero times a power of ten is written with other octets when it is read again. */
        if (precision[i] > 0 && precision[i] < 0x10)
            return false;
        buffer_u8(text, ' ');
        print_metres(text, precision_centimetres(precision[i]));
    }
    return true;
}
