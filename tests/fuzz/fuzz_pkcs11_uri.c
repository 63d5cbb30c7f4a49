/* fuzz_pkcs11_uri.c - any text as a token's URI: accepted or explained, never a PIN shown. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "avow/pkcs11/location.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

/* What must hold of a URI that was accepted. */
static void check_accepted(const struct pkcs11_location *location, const char *text)
{
    if (strcmp(location->text, text) != 0 || !location->uri)
        abort();
    if (location->pin_file[0] != '\0' && location->pin_file[0] != '/')
        abort();
    const char *query = strchr(text, '?');
    if (query && (strncmp(query, "?pin-value", 10) == 0 || strstr(query, "&pin-value")))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    struct pkcs11_location location;
    struct pkcs11_failure failure = {.trouble = PKCS11_TROUBLE_NONE};
    char *text = malloc(length + 1);

    if (!text)
        return 0;
    if (length)
        memcpy(text, octets, length);
    text[length] = '\0';
    if (pkcs11_location_parse(&location, text, &failure) == RESULT_OK)
        check_accepted(&location, text);
    else if (failure.trouble != PKCS11_TROUBLE_SETUP || failure.text[0] == '\0' || location.uri)
        abort();
    pkcs11_location_wipe(&location);
    free(text);
    return 0;
}
