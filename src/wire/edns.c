/* edns.c - the OPT record read from queries and written into answers (RFC 6891). */
#include "avow/wire/edns.h"

enum {
    OPT_FLAG_DO = 0x8000,
    OPT_FIXED_OCTETS = 11, /* root owner, type, class, TTL, RDLENGTH */
    OPTION_HEAD_OCTETS = 4,
    COOKIE_CLIENT_OCTETS = 8,
    COOKIE_SERVER_LEAST = 16 /* both halves, the server's at its shortest */
};

/* RFC 7873 section 5.2: only the first cookie counts; section 5.2.2: which lengths are malformed.
 */
static enum result read_cookie(struct reader *option, struct edns *edns)
{
    size_t length = reader_left(option);

    if (edns->cookie_length)
        return RESULT_OK;
    if (length != COOKIE_CLIENT_OCTETS &&
        (length < COOKIE_SERVER_LEAST || length > EDNS_COOKIE_MAX_OCTETS))
        return RESULT_FORMAT;
    memcpy(edns->cookie, option->at, length);
    edns->cookie_length = (uint8_t)length;
    return RESULT_OK;
}

static enum result read_option(uint16_t code, struct reader *option, struct edns *edns)
{
    switch (code) {
    case EDNS_OPTION_NSID:
        edns->nsid = true;
        break;
    case EDNS_OPTION_EXPIRE:
        edns->expire = true;
        break;
    case EDNS_OPTION_COOKIE:
        return read_cookie(option, edns);
    case EDNS_OPTION_KEEPALIVE:
        edns->keepalive = true;
        break;
    case EDNS_OPTION_PADDING:
        edns->padding = true;
        break;
    default:
        break;
    }
    return RESULT_OK;
}

enum result edns_read(const struct record *record, struct edns *edns)
{
    struct reader options = record->rdata;

    *edns = (struct edns){
        .present = true,
        .dnssec_ok = record->ttl & OPT_FLAG_DO,
        .version = (uint8_t)(record->ttl >> 16),
        .payload = record->class_ < EDNS_SMALLEST_PAYLOAD ? EDNS_SMALLEST_PAYLOAD : record->class_,
    };
    if (record->owner.labels > 0)
        return RESULT_FORMAT;
    while (reader_left(&options) > 0) {
        uint16_t code = reader_u16(&options);
        struct reader option = reader_part(&options, reader_u16(&options));
        if (options.failed || read_option(code, &option, edns))
            return RESULT_FORMAT;
    }
    return reader_finish(&options);
}

static void write_option(struct writer *writer, uint16_t code, const void *octets, uint16_t length)
{
    writer_u16(writer, code);
    writer_u16(writer, length);
    writer_add(writer, octets, length);
}

static void write_keepalive(struct writer *writer, uint16_t tenths)
{
    writer_u16(writer, EDNS_OPTION_KEEPALIVE);
    writer_u16(writer, 2);
    writer_u16(writer, tenths);
}

static void write_expire(struct writer *writer, uint32_t seconds)
{
    writer_u16(writer, EDNS_OPTION_EXPIRE);
    writer_u16(writer, 4);
    writer_u32(writer, seconds);
}

static void write_padding(struct writer *writer, uint16_t length)
{
    writer_u16(writer, EDNS_OPTION_PADDING);
    writer_u16(writer, length);
    uint8_t *zeros = writer_claim(writer, length);
    if (zeros)
        memset(zeros, 0, length);
}

static void write_extended_error(struct writer *writer, const struct edns_reply *reply)
{
    writer_u16(writer, EDNS_OPTION_EXTENDED_ERROR);
    size_t mark = writer_open_length(writer);
    writer_u16(writer, reply->extended_error);
    if (reply->extended_text)
        writer_add(writer, reply->extended_text, strlen(reply->extended_text));
    writer_close_length(writer, mark);
}

void edns_write(struct writer *writer, const struct edns_reply *reply)
{
    writer_u8(writer, 0); /* the root */
    writer_u16(writer, TYPE_OPT);
    writer_u16(writer, reply->payload);
    writer_u8(writer, reply->extended_rcode);
    writer_u8(writer, 0); /* version */
    writer_u16(writer, reply->dnssec_ok ? OPT_FLAG_DO : 0);
    size_t mark = writer_open_length(writer);
    if (reply->nsid)
        write_option(writer, EDNS_OPTION_NSID, reply->nsid, reply->nsid_length);
    if (reply->cookie)
        write_option(writer, EDNS_OPTION_COOKIE, reply->cookie, reply->cookie_length);
    if (reply->keepalive)
        write_keepalive(writer, reply->keepalive_tenths);
    if (reply->expire)
        write_expire(writer, reply->expire_seconds);
    if (reply->extended_error != EDE_NONE)
        write_extended_error(writer, reply);
    if (reply->padded)
        write_padding(writer, reply->padding);
    writer_close_length(writer, mark);
}

size_t edns_size(const struct edns_reply *reply)
{
    size_t size = OPT_FIXED_OCTETS;

    if (reply->nsid)
        size += OPTION_HEAD_OCTETS + (size_t)reply->nsid_length;
    if (reply->cookie)
        size += OPTION_HEAD_OCTETS + (size_t)reply->cookie_length;
    if (reply->keepalive)
        size += OPTION_HEAD_OCTETS + 2;
    if (reply->expire)
        size += OPTION_HEAD_OCTETS + 4;
    if (reply->extended_error != EDE_NONE)
        size += OPTION_HEAD_OCTETS + 2 + (reply->extended_text ? strlen(reply->extended_text) : 0);
    if (reply->padded)
        size += OPTION_HEAD_OCTETS + (size_t)reply->padding;
    return size;
}

void edns_pad(struct edns_reply *reply, size_t length, size_t behind, size_t limit)
{
    reply->padded = true;
    reply->padding = 0;
    size_t bare = length + edns_size(reply);
    if (bare > limit) {
        reply->padded = false;
        return;
    }
    size_t over = (bare + behind) % EDNS_PADDING_BLOCK;
    size_t wanted = over ? EDNS_PADDING_BLOCK - over : 0;
    reply->padding = (uint16_t)(wanted < limit - bare ? wanted : limit - bare);
}
