/* fuzz_config.c - a configuration file from anybody: parsed, shared, read back, compared. */
#include <stdint.h>
#include <stdlib.h>

#include "avow/config/config.h"
#include "avow/config/diff.h"
#include "avow/config/share.h"

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
        share_wipe(&share);
        share_wipe(&again);
        config_free(&back);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t size)
{
    const struct config_source source = {.path = "/f/avow.yaml", .text = octets, .length = size};
    struct complaints complaints = {.take = hear};
    struct config config;
    struct config_diff diff;

    enum result result = config_parse(&config, &source, CONFIG_TEXT, &complaints);
    if ((result == RESULT_OK) != (complaints.errors == 0))
        abort();
    if (result == RESULT_OK) {
        share_all(&config);
        if (config_diff(&config, &config, &diff) || !config_diff_is_empty(&diff))
            abort();
        config_diff_free(&diff);
    }
    config_free(&config);
    return 0;
}
