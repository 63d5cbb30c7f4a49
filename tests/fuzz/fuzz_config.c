/*
 * fuzz_config.c - a configuration file from anybody: parsed, shared, read back, compared.
 *
 * With parts (sections.h) "pin", "key" and "cookies" these files lie beside it and are read as
 * well; with one named "next" that is the configuration that takes its place.
 */
#include <stdint.h>
#include <stdlib.h>

#include "avow/config/config.h"
#include "avow/config/diff.h"
#include "avow/config/grants.h"
#include "avow/config/share.h"
#include "sections.h"

/* What every complaint must be able to do: become text. */
static void hear(void *context, const struct complaint *complaint)
{
    char text[512];

    (void)context;
    (void)complaint_text(complaint, text, sizeof(text));
}

/* An accepted configuration has a share for each room, which is read back the same. */
static void share_all(const struct config *config)
{
    for (unsigned room = 0; room < SHARE_ROOMS; room++) {
        struct buffer share = {.octets = NULL}, again = {.octets = NULL};
        struct config back;
        if (share_write(config, (enum share_room)room, &share) ||
            share_read(share.octets, share.length, &back) ||
            share_write(&back, (enum share_room)room, &again) || share.length != again.length)
            abort();
        buffer_free(&share);
        buffer_free(&again);
        config_free(&back);
    }
}

/* What one who listens may do with each key: what he is granted, somebody is. */
static void ask_grants(const struct config *config, const struct config_zone *zone, size_t key)
{
    static const uint16_t types[] = {1, 6, 46, 48, 255};
    struct config_peer peer = {.key = key < config->tsig_count ? &config->tsig[key] : NULL};

    for (size_t i = 0; i < config->server.listen_count; i++) {
        peer.family = config->server.listen[i].family;
        peer.address = config->server.listen[i].octets;
        (void)config_transfer_allowed(zone, &peer);
        for (size_t j = 0; j < COUNT(types); j++) {
            const struct name *owner = peer.key ? &peer.key->name : &zone->name;
            const struct config_acl_entry *grant = config_grant_find(zone, &peer, owner, types[j]);
            if (grant && (!config_update_allowed(zone, &peer) ||
                          !config_grant_exists(zone, owner, types[j], grant->records_per_name)))
                abort();
        }
    }
}

static enum result parse(struct config *config, struct section text)
{
    const struct config_source source = {
        .path = "/f/avow.yaml", .text = text.octets, .length = text.length};
    struct complaints complaints = {.take = hear};

    enum result result = config_parse(config, &source, CONFIG_TEXT, &complaints);
    if ((result == RESULT_OK) != (complaints.errors == 0))
        abort();
    return result;
}

/* A configuration differs from itself in nothing, and from another one in what can be told. */
static void compare(const struct config *config, struct section next)
{
    struct config other;
    struct config_diff diff;

    if (config_diff(config, config, &diff) || !config_diff_is_empty(&diff))
        abort();
    config_diff_free(&diff);
    if (parse(&other, next) == RESULT_OK) {
        if (config_diff(config, &other, &diff))
            abort();
        config_diff_free(&diff);
        if (config_diff(&other, config, &diff))
            abort();
        config_diff_free(&diff);
    }
    config_free(&other);
}

/* The same from files, with the secrets that it names. */
static void load(struct section text)
{
    struct complaints complaints = {.take = hear};
    struct config config;
    char path[SECTION_PATH];

    section_write(text, "avow.yaml");
    if (config_load(&config, section_path("avow.yaml", path), CONFIG_SECRETS, &complaints) ==
        RESULT_OK)
        share_all(&config);
    config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    static const char *const files[] = {"pin", "key", "cookies"};
    const struct section input = {octets, size}, text = section_first(input);
    struct section part;
    struct config config;
    bool has_files = false;

    for (size_t i = 0; i < COUNT(files); i++)
        has_files |= section_named(input, files[i], &part);
    if (parse(&config, text) == RESULT_OK) {
        share_all(&config);
        for (size_t i = 0; i < config.zone_count; i++)
            for (size_t key = 0; key <= config.tsig_count; key++)
                ask_grants(&config, &config.zones[i], key);
        (void)section_named(input, "next", &part);
        compare(&config, part);
    }
    config_free(&config);
    if (!has_files)
        return 0;
    for (size_t i = 0; i < COUNT(files); i++) {
        (void)section_named(input, files[i], &part);
        section_write(part, files[i]);
    }
    load(text);
    return 0;
}
