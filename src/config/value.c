/* value.c - one scalar of the tree to one field of a struct, by its kind. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "avow/wire/codec.h"
#include "avow/wire/type.h"
#include "load.h"
#include "scalar.h"

enum { LIST_OCTETS = 512, DNS_PORT = 53 };

/* One value on its way. */
struct value {
    struct loader *loader;
    const struct schema_key *key;
    const struct yaml_node *node;
    void *object;
    void *place;
};

static void refuse(const struct value *value, const char *allowed)
{
    char word[LOADER_WORD_OCTETS];

    loader_error(value->loader, &value->node->place, "'%s' must be %s, not '%s'", value->key->name,
                 allowed, loader_word(value->node->text, word));
}

static void set_pointer(const struct value *value, const void *pointer)
{
    memcpy(value->place, &pointer, sizeof(pointer));
}

static void set_text(const struct value *value, const char *text)
{
    set_pointer(value, arena_text(value->loader->config->memory, text, strlen(text)));
}

static void set_unsigned(const struct value *value, uint64_t number)
{
    const uint8_t octet = (uint8_t)number;
    const uint16_t two = (uint16_t)number;
    const uint32_t four = (uint32_t)number;

    switch (value->key->width) {
    case sizeof(octet):
        memcpy(value->place, &octet, sizeof(octet));
        break;
    case sizeof(two):
        memcpy(value->place, &two, sizeof(two));
        break;
    case sizeof(four):
        memcpy(value->place, &four, sizeof(four));
        break;
    default:
        memcpy(value->place, &number, sizeof(number));
    }
}

/* ---- numbers ----------------------------------------------------------------------------------*/

static const struct {
    char letter;
    uint64_t size;
} duration_units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}},
  size_units[] = {{'T', UINT64_C(1) << 40},
                  {'G', UINT64_C(1) << 30},
                  {'M', UINT64_C(1) << 20},
                  {'K', UINT64_C(1) << 10}};

char *value_duration_to_text(uint64_t seconds, char text[LOADER_WORD_OCTETS])
{
    for (size_t i = 0; i < COUNT(duration_units); i++)
        if (seconds && seconds % duration_units[i].size == 0) {
            (void)snprintf(text, LOADER_WORD_OCTETS, "%llu%c",
                           (unsigned long long)(seconds / duration_units[i].size),
                           duration_units[i].letter);
            return text;
        }
    (void)snprintf(text, LOADER_WORD_OCTETS, "0");
    return text;
}

char *value_size_to_text(uint64_t octets, char text[LOADER_WORD_OCTETS])
{
    for (size_t i = 0; i < COUNT(size_units); i++)
        if (octets && octets % size_units[i].size == 0) {
            (void)snprintf(text, LOADER_WORD_OCTETS, "%llu%c",
                           (unsigned long long)(octets / size_units[i].size), size_units[i].letter);
            return text;
        }
    (void)snprintf(text, LOADER_WORD_OCTETS, "%llu", (unsigned long long)octets);
    return text;
}

static void write_switch(const struct value *value)
{
    bool on;

    if (scalar_switch(value->node->text, &on))
        set_unsigned(value, on);
    else
        refuse(value, "on or off");
}

static bool in_limits(const struct schema_key *key, uint64_t number)
{
    return number >= key->least && number <= key->most;
}

static void write_count(const struct value *value)
{
    char allowed[LIST_OCTETS];
    uint64_t number;

    if (scalar_count(value->node->text, &number) && in_limits(value->key, number)) {
        set_unsigned(value, number);
        return;
    }
    (void)snprintf(allowed, sizeof(allowed), "a number from %llu to %llu",
                   (unsigned long long)value->key->least, (unsigned long long)value->key->most);
    refuse(value, allowed);
}

static void write_duration(const struct value *value)
{
    char allowed[LIST_OCTETS], least[LOADER_WORD_OCTETS], most[LOADER_WORD_OCTETS];
    uint64_t seconds;

    if (!scalar_duration(value->node->text, &seconds)) {
        refuse(value, "a duration such as 90d, 1h30m, P90D, PT1H or seconds");
        return;
    }
    if (in_limits(value->key, seconds)) {
        set_unsigned(value, seconds);
        return;
    }
    (void)snprintf(allowed, sizeof(allowed), "a duration from %s to %s",
                   value_duration_to_text(value->key->least, least),
                   value_duration_to_text(value->key->most, most));
    refuse(value, allowed);
}

static void write_size(const struct value *value)
{
    char allowed[LIST_OCTETS], least[LOADER_WORD_OCTETS], most[LOADER_WORD_OCTETS];
    uint64_t octets;

    if (scalar_size(value->node->text, &octets) && in_limits(value->key, octets)) {
        set_unsigned(value, octets);
        return;
    }
    (void)snprintf(allowed, sizeof(allowed), "a size such as 512M or 64G, from %s to %s",
                   value_size_to_text(value->key->least, least),
                   value_size_to_text(value->key->most, most));
    refuse(value, allowed);
}

/* ---- words ------------------------------------------------------------------------------------*/

static void refuse_word(const struct value *value)
{
    const struct schema_key *key = value->key;
    const char *words[16];
    char allowed[LIST_OCTETS], word[LOADER_WORD_OCTETS];
    size_t used = 0, count = key->word_count < COUNT(words) ? key->word_count : COUNT(words);

    allowed[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        words[i] = key->words[i].word;
        int length = snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
                              i == 0           ? ""
                              : i + 1 == count ? " or "
                                               : ", ",
                              words[i]);
        used += length > 0 && (size_t)length < sizeof(allowed) - used ? (size_t)length : 0;
    }
    const char *nearest = loader_nearest(value->node->text, words, count);
    if (!nearest) {
        refuse(value, allowed);
        return;
    }
    loader_error(value->loader, &value->node->place,
                 "'%s' must be %s, not '%s'; did you mean '%s'?", key->name, allowed,
                 loader_word(value->node->text, word), nearest);
}

static void write_word(const struct value *value)
{
    for (size_t i = 0; i < value->key->word_count; i++)
        if (!strcasecmp(value->node->text, value->key->words[i].word)) {
            set_unsigned(value, value->key->words[i].value);
            return;
        }
    refuse_word(value);
}

static void write_word_text(const struct value *value)
{
    for (size_t i = 0; i < value->key->word_count; i++)
        if (!strcasecmp(value->node->text, value->key->words[i].word)) {
            set_pointer(value, value->key->words[i].word);
            return;
        }
    refuse_word(value);
}

/* ---- texts ------------------------------------------------------------------------------------*/

static void write_text(const struct value *value)
{
    if (value->node->length <= value->key->most)
        set_text(value, value->node->text);
    else
        refuse(value, "shorter");
}

static void write_text_or_off(const struct value *value)
{
    char allowed[LIST_OCTETS];

    if (!strcmp(value->node->text, "off"))
        return;
    if (value->node->length > 0 && value->node->length <= value->key->most) {
        set_text(value, value->node->text);
        return;
    }
    (void)snprintf(allowed, sizeof(allowed), "off or a text of at most %llu octets",
                   (unsigned long long)value->key->most);
    refuse(value, allowed);
}

static void write_label(const struct value *value)
{
    const char *text = value->node->text;
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789._-");

    if (length == 0 || length > 63 || text[length])
        refuse(value, "a name of 1 to 63 letters, digits, dots, dashes and underscores");
    else
        set_text(value, text);
}

static void write_path(const struct value *value)
{
    if (value->node->length == 0)
        refuse(value, "a path");
    else
        set_pointer(value, loader_path(value->loader, value->node->text));
}

static void write_log_target(const struct value *value)
{
    struct config_server *server = value->object;
    const char *text = value->node->text;

    server->log_file = NULL;
    if (!strcmp(text, "stderr")) {
        server->log_target = CONFIG_LOG_STDERR;
    } else if (!strcmp(text, "syslog")) {
        server->log_target = CONFIG_LOG_SYSLOG;
    } else if (*text) {
        server->log_target = CONFIG_LOG_FILE;
        server->log_file = loader_path(value->loader, text);
    } else {
        refuse(value, "stderr, syslog or the path of a file");
    }
}

/* One attribute of the URI, up to `length`. */
static bool check_attribute(const struct value *value, const char *attribute, size_t length)
{
    static const char *const known[] = {"token",
                                        "manufacturer",
                                        "serial",
                                        "model",
                                        "library-manufacturer",
                                        "library-description",
                                        "library-version",
                                        "slot-manufacturer",
                                        "slot-description",
                                        "slot-id",
                                        "pin-source"};
    const char *equals = memchr(attribute, '=', length);
    char word[LOADER_WORD_OCTETS];
    size_t name = equals ? (size_t)(equals - attribute) : length;

    for (size_t i = 0; equals && i < COUNT(known); i++)
        if (strlen(known[i]) == name && !memcmp(known[i], attribute, name))
            return true;
    (void)snprintf(word, sizeof(word), "%.*s", (int)(name < 60 ? name : 60), attribute);
    if (!strcmp(word, "pin-value")) /* what follows it is not repeated */
        loader_error(value->loader, &value->node->place,
                     "'uri' must not hold a PIN; put it into a file, and name that in pin-file");
    else
        loader_error(value->loader, &value->node->place,
                     "'uri' must not have '%s'; it selects a token by token, manufacturer, serial, "
                     "model, slot-id, ..., and may have pin-source",
                     word);
    return false;
}

static void write_uri(const struct value *value)
{
    const char *at = value->node->text;

    if (strncmp(at, "pkcs11:", 7) != 0 || !at[7]) {
        refuse(value, "a PKCS#11 URI such as \"pkcs11:token=avow\"");
        return;
    }
    for (at += 7; *at;) {
        size_t length = strcspn(at, ";?&");
        if (!check_attribute(value, at, length))
            return;
        at += length;
        at += *at != '\0';
    }
    set_text(value, value->node->text);
}

static void write_secret(const struct value *value)
{
    size_t limit = value->node->length;
    uint8_t *octets = arena_take(value->loader->config->memory, limit + 1, 1);

    if (!octets)
        return;
    struct writer writer = writer_over(octets, limit);
    if (limit == 0 || base64_read(value->node->text, limit, &writer) || writer.length == 0) {
        loader_error(value->loader, &value->node->place, "'%s' must be base64", value->key->name);
        return;
    }
    set_pointer(value, octets);
    memcpy((unsigned char *)value->object + value->key->count_offset, &writer.length,
           sizeof(writer.length));
}

/* What is wrong is not repeated: it may be nearly right. */
static void write_hex_secret(const struct value *value)
{
    size_t octets = value->key->width;

    if (!scalar_hex(value->node->text, value->place, octets))
        loader_error(value->loader, &value->node->place,
                     "each of '%s' must be %zu hexadecimal digits", value->key->name, 2 * octets);
}

/* ---- DNS --------------------------------------------------------------------------------------*/

static void write_address(const struct value *value)
{
    uint16_t port = value->key->most ? (uint16_t)value->key->most : DNS_PORT;

    if (!scalar_address(value->node->text, port, value->place))
        refuse(value, "an address such as 192.0.2.1, 192.0.2.1@5300 or \"2001:db8::1@53\"");
}

static void write_prefix(const struct value *value)
{
    char text[CONFIG_ADDRESS_TEXT], allowed[LIST_OCTETS];

    switch (scalar_prefix(value->node->text, value->place)) {
    case SCALAR_PREFIX_GOOD:
        return;
    case SCALAR_PREFIX_BAD:
        refuse(value, "an address or a prefix such as 192.0.2.0/24 or \"2001:db8::/32\"");
        return;
    case SCALAR_PREFIX_LONG_BITS:
        (void)snprintf(allowed, sizeof(allowed), "a prefix without further bits, as %s is",
                       scalar_prefix_to_text(value->place, text));
        refuse(value, allowed);
    }
}

static void write_name(const struct value *value)
{
    struct name *name = value->place;

    if (value->node->length == 0 || name_from_string(value->node->text, name)) {
        name_root(name);
        refuse(value, "a domain name: labels of 1 to 63 octets, 255 in all");
        return;
    }
    name_lower(name);
}

static void write_name_pointer(const struct value *value)
{
    struct name *name = arena_take(value->loader->config->memory, 1, sizeof(*name));
    const struct value inner = {.loader = value->loader,
                                .key = value->key,
                                .node = value->node,
                                .object = value->object,
                                .place = name};

    if (!name)
        return;
    write_name(&inner);
    set_pointer(value, name);
}

static void write_pin(const struct value *value)
{
    uint8_t *octets = arena_take(value->loader->config->memory, CONFIG_PIN_OCTETS, 1);
    size_t length = CONFIG_PIN_OCTETS;

    if (!octets)
        return;
    struct writer writer = writer_over(octets, CONFIG_PIN_OCTETS);
    if (base64_read(value->node->text, value->node->length, &writer) ||
        writer.length != CONFIG_PIN_OCTETS)
        refuse(value, "a SHA-256 in base64, 44 characters");
    set_pointer(value, octets);
    memcpy((unsigned char *)value->object + value->key->count_offset, &length, sizeof(length));
}

static void write_type(const struct value *value)
{
    uint16_t type;

    if (type_from_text(value->node->text, value->node->length, &type))
        refuse(value, "record types such as A, TXT or TYPE65280");
    else if (type_is_made_by_signer(type))
        refuse(value, "types that an update may touch (the server makes RRSIG, NSEC, NSEC3 and "
                      "NSEC3PARAM)");
    else if (type == TYPE_ANY)
        refuse(value, "types that a zone can hold (leave the key out to allow all but those of "
                      "DNSSEC)");
    else if (type_is_meta(type))
        refuse(value, "types that a zone can hold");
    else
        set_unsigned(value, type);
}

/* ---- references -------------------------------------------------------------------------------*/

static const void *find_reference(const struct value *value, const char *text)
{
    const struct config *config = value->loader->config;
    struct name name;

    if (value->key->kind == SCHEMA_KEYSTORE) {
        for (size_t i = 0; i < config->keystore_count; i++)
            if (config->keystores[i].name && !strcmp(config->keystores[i].name, text))
                return &config->keystores[i];
    } else if (value->key->kind == SCHEMA_POLICY) {
        for (size_t i = 0; i < config->policy_count; i++)
            if (config->policies[i].name && !strcmp(config->policies[i].name, text))
                return &config->policies[i];
    } else if (!name_from_string(text, &name)) {
        for (size_t i = 0; i < config->tsig_count; i++)
            if (name_equal(&config->tsig[i].name, &name))
                return &config->tsig[i];
    }
    return NULL;
}

static void write_reference(const struct value *value)
{
    static const char *const sections[] = {
        [SCHEMA_KEYSTORE] = "keystore", [SCHEMA_TSIG_KEY] = "TSIG key", [SCHEMA_POLICY] = "policy"};
    char word[LOADER_WORD_OCTETS];

    if (value->key->kind == SCHEMA_POLICY && !strcmp(value->node->text, "none"))
        return;
    const void *target = find_reference(value, value->node->text);
    if (target)
        set_pointer(value, target);
    else
        loader_error(value->loader, &value->node->place, "there is no %s '%s'",
                     sections[value->key->kind], loader_word(value->node->text, word));
}

void value_write_left_out(struct loader *loader, const struct schema_key *key,
                          const struct yaml_node *map, void *place)
{
    const struct value value = {.loader = loader, .key = key, .place = place};
    const void *target = find_reference(&value, key->fallback);

    if (target)
        set_pointer(&value, target);
    else if (key->kind == SCHEMA_POLICY)
        loader_error(loader, map ? &map->place : NULL,
                     "no policy is named and there is none called 'default'; name one, or write "
                     "policy: none to serve the zone unsigned");
    else
        loader_error(loader, map ? &map->place : NULL,
                     "no keystore is named and there is none called 'default'; name one");
}

/* ---- variables --------------------------------------------------------------------------------*/

static bool is_variable_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "_0123456789";
    return *text && !isdigit((unsigned char)*text) && !text[strspn(text, letters)];
}

static void write_variable(struct loader *loader, const struct yaml_node *node,
                           struct config_variable *variable)
{
    struct arena *memory = loader->config->memory;
    char word[LOADER_WORD_OCTETS];

    if (!is_variable_name(node->key))
        loader_error(loader, &node->key_place,
                     "'%s' is no name of an environment variable: letters, digits and underscores",
                     loader_word(node->key, word));
    if (node->kind != YAML_SCALAR) {
        loader_error(loader, &node->place, "an environment variable must be a text");
        return;
    }
    bool path = !strncmp(node->text, "./", 2) || !strncmp(node->text, "../", 3);
    variable->name = arena_text(memory, node->key, strlen(node->key));
    variable->value =
        path ? loader_path(loader, node->text) : arena_text(memory, node->text, node->length);
}

void value_write_variables(struct loader *loader, const struct schema_key *key,
                           const struct yaml_node *map, void *object)
{
    if (map->kind == YAML_SCALAR && map->empty)
        return;
    if (map->kind != YAML_MAP) {
        loader_error(loader, &map->place, "'%s' must be a mapping: {NAME: value, ...}", key->name);
        return;
    }
    struct config_variable *variables =
        arena_take(loader->config->memory, map->count, sizeof(*variables));
    if (!variables)
        return;
    /* The pointer is what is copied: NOLINTNEXTLINE(bugprone-sizeof-expression) */
    memcpy((unsigned char *)object + key->offset, &variables, sizeof(variables));
    memcpy((unsigned char *)object + key->count_offset, &map->count, sizeof(map->count));
    for (const struct yaml_node *node = map->first; node; node = node->next)
        write_variable(loader, node, variables++);
}

void value_write(struct loader *loader, const struct schema_key *key, const struct yaml_node *node,
                 void *object, void *place)
{
    static void (*const writers[])(const struct value *) = {
        [SCHEMA_TEXT] = write_text,
        [SCHEMA_TEXT_OR_OFF] = write_text_or_off,
        [SCHEMA_LABEL] = write_label,
        [SCHEMA_SWITCH] = write_switch,
        [SCHEMA_COUNT] = write_count,
        [SCHEMA_DURATION] = write_duration,
        [SCHEMA_SIZE] = write_size,
        [SCHEMA_WORD] = write_word,
        [SCHEMA_WORD_TEXT] = write_word_text,
        [SCHEMA_LOG_TARGET] = write_log_target,
        [SCHEMA_ADDRESS] = write_address,
        [SCHEMA_PREFIX] = write_prefix,
        [SCHEMA_NAME] = write_name,
        [SCHEMA_NAME_POINTER] = write_name_pointer,
        [SCHEMA_PIN] = write_pin,
        [SCHEMA_TYPE] = write_type,
        [SCHEMA_PATH] = write_path,
        [SCHEMA_URI] = write_uri,
        [SCHEMA_SECRET] = write_secret,
        [SCHEMA_HEX_SECRET] = write_hex_secret,
        [SCHEMA_KEYSTORE] = write_reference,
        [SCHEMA_TSIG_KEY] = write_reference,
        [SCHEMA_POLICY] = write_reference,
    };
    const struct value value = {
        .loader = loader, .key = key, .node = node, .object = object, .place = place};

    if (node->kind != YAML_SCALAR)
        loader_error(loader, &node->place, "'%s' must be a single value, not a %s", key->name,
                     node->kind == YAML_LIST ? "list" : "mapping");
    else if (node->empty)
        loader_error(loader, node->key ? &node->key_place : &node->place, "'%s' needs a value",
                     key->name);
    else
        writers[key->kind](&value);
}
