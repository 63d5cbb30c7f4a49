/* json.c - JSON written into a buffer. */
#include "json.h"

#include <time.h>

static void quote(struct buffer *text, const char *value)
{
    buffer_u8(text, '"');
    for (const unsigned char *at = (const unsigned char *)value; *at; at++) {
        if (*at == '"' || *at == '\\')
            buffer_format(text, "\\%c", *at);
        else if (*at < 0x20 || *at >= 0x7f)
            buffer_format(text, "\\u%04x", *at);
        else
            buffer_u8(text, *at);
    }
    buffer_u8(text, '"');
}

static void begin(struct json *json, const char *name)
{
    if (!json->first && json->text.length)
        buffer_u8(&json->text, ',');
    json->first = false;
    if (name) {
        quote(&json->text, name);
        buffer_u8(&json->text, ':');
    }
}

void json_open(struct json *json, const char *name, char bracket)
{
    begin(json, name);
    buffer_u8(&json->text, (uint8_t)bracket);
    json->first = true;
}

void json_close(struct json *json, char bracket)
{
    buffer_u8(&json->text, (uint8_t)bracket);
    json->first = false;
}

void json_text(struct json *json, const char *name, const char *value)
{
    begin(json, name);
    if (value)
        quote(&json->text, value);
    else
        buffer_text(&json->text, "null");
}

void json_number(struct json *json, const char *name, uint64_t value)
{
    begin(json, name);
    buffer_format(&json->text, "%llu", (unsigned long long)value);
}

void json_bool(struct json *json, const char *name, bool value)
{
    begin(json, name);
    buffer_text(&json->text, value ? "true" : "false");
}

void json_dns_name(struct json *json, const char *name, const struct name *value)
{
    char text[NAME_MAX_TEXT];
    json_text(json, name, name_to_text(value, text));
}

void json_time(struct json *json, const char *name, uint64_t seconds)
{
    char text[32];
    struct tm parts;
    time_t time = (time_t)seconds;

    if (seconds == 0 || !gmtime_r(&time, &parts) ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        json_text(json, name, NULL);
    else
        json_text(json, name, text);
}
