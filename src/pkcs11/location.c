/* location.c - an RFC 7512 URI parsed and matched against a module's slots. */
#include "avow/pkcs11/location.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cryptoki.h"

/* What avow does with each attribute of RFC 7512 section 2.3; `no` says why one is not taken. */
static const struct attribute {
    const char *name;
    char part; /* 'p' before the question mark, 'q' behind it */
    const char *no;
} attributes[] = {
    {"token", 'p', NULL},
    {"serial", 'p', NULL},
    {"manufacturer", 'p', NULL},
    {"model", 'p', NULL},
    {"slot-id", 'p', NULL},
    {"slot-manufacturer", 'p', NULL},
    {"slot-description", 'p', NULL},
    {"library-manufacturer", 'p', NULL},
    {"library-description", 'p', NULL},
    {"library-version", 'p', NULL},
    {"object", 'p', "it selects a key, and avow names its keys itself"},
    {"id", 'p', "it selects a key, and avow names its keys itself"},
    {"type", 'p', "it selects a key, and avow names its keys itself"},
    {"pin-source", 'q', NULL},
    {"pin-value", 'q', "a PIN in a configuration is read by others; use pin-file"},
    {"module-name", 'q', "the keystore's module says which one"},
    {"module-path", 'q', "the keystore's module says which one"},
};

static enum result refuse(struct pkcs11_failure *failure, const char *text, const char *what)
{
    const char *query = strchr(text, '?');
    int shown = query ? (int)(query - text) : (int)strlen(text);

    /* Only what stands before the query: the rest may hold a PIN. */
    pkcs11_fail(failure, PKCS11_TROUBLE_SETUP, "PKCS#11 URI \"%.*s%s\": %s",
                shown > 200 ? 200 : shown, text, query || shown > 200 ? "..." : "", what);
    return RESULT_FORMAT;
}

static const struct attribute *attribute_find(const char *name, size_t length, char part)
{
    for (size_t i = 0; i < COUNT(attributes); i++)
        if (attributes[i].part == part && strlen(attributes[i].name) == length &&
            memcmp(attributes[i].name, name, length) == 0)
            return &attributes[i];
    return NULL;
}

/* Every attribute of one part of the URI: known, welcome, and there once. p11-kit takes unknown and
 * repeated ones in silence; a mistyped "tokem=" would then match any token. */
static enum result check_part(const char *text, const char *at, const char *end, char part,
                              struct pkcs11_failure *failure)
{
    char what[256];
    uint32_t seen = 0;

    while (at < end) {
        const char *stop = memchr(at, part == 'p' ? ';' : '&', (size_t)(end - at));
        stop = stop ? stop : end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        size_t length = equals ? (size_t)(equals - at) : (size_t)(stop - at);
        const struct attribute *attribute = equals ? attribute_find(at, length, part) : NULL;

        if (!attribute || attribute->no) {
            snprintf(what, sizeof(what), "\"%.*s\" %s%s", length > 40 ? 40 : (int)length, at,
                     attribute ? "does not belong here: " : "is no attribute that is known here",
                     attribute ? attribute->no : "");
            return refuse(failure, text, what);
        }
        uint32_t bit = UINT32_C(1) << (attribute - attributes);
        if (seen & bit) {
            snprintf(what, sizeof(what), "\"%s\" is there twice", attribute->name);
            return refuse(failure, text, what);
        }
        seen |= bit;
        at = stop < end ? stop + 1 : end;
    }
    return RESULT_OK;
}

static enum result check_attributes(const char *text, struct pkcs11_failure *failure)
{
    static const char scheme[] = "pkcs11:";
    const char *end = text + strlen(text);

    if (strlen(text) >= PKCS11_URI_OCTETS)
        return refuse(failure, text, "it is too long");
    for (const char *at = text; at < end; at++)
        if (*at <= ' ' || *at >= 0x7f) /* char may be signed or not: both ends are out of range */
            return refuse(failure, "",
                          "blanks and special characters are written as %20 and so on");
    if (strncmp(text, scheme, sizeof(scheme) - 1) != 0)
        return refuse(failure, text, "it must begin with \"pkcs11:\"");
    const char *path = text + sizeof(scheme) - 1;
    const char *query = memchr(path, '?', (size_t)(end - path));
    enum result result = check_part(text, path, query ? query : end, 'p', failure);
    if (result || !query)
        return result;
    return check_part(text, query + 1, end, 'q', failure);
}

static enum result take_pin_source(struct pkcs11_location *location, const char *text,
                                   struct pkcs11_failure *failure)
{
    static const char scheme[] = "file:";
    const char *source = p11_kit_uri_get_pin_source(location->uri);

    if (!source)
        return RESULT_OK;
    if (strncmp(source, scheme, sizeof(scheme) - 1) == 0)
        source += sizeof(scheme) - 1;
    if (strncmp(source, "///", 3) == 0)
        source += 2; /* file:///path, an empty host (RFC 8089 section 2) */
    if (source[0] != '/' || source[1] == '/')
        return refuse(failure, text, "pin-source must be file:/PATH");
    snprintf(location->pin_file, sizeof(location->pin_file), "%s", source);
    return RESULT_OK;
}

enum result pkcs11_location_parse(struct pkcs11_location *location, const char *text,
                                  struct pkcs11_failure *failure)
{
    *location = (struct pkcs11_location){.uri = NULL};

    enum result result = check_attributes(text, failure);
    if (result)
        return result;
    location->uri = p11_kit_uri_new();
    if (!location->uri) {
        pkcs11_fail(failure, PKCS11_TROUBLE_SETUP, "out of memory");
        return RESULT_SYSTEM;
    }
    int code = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, location->uri);
    if (code != P11_KIT_URI_OK) {
        const char *why = p11_kit_uri_message(code);

        result = refuse(failure, text, why ? why : "it cannot be read");
        goto failed;
    }
    result = take_pin_source(location, text, failure);
    if (result)
        goto failed;
    snprintf(location->text, sizeof(location->text), "%s", text);
    return RESULT_OK;

failed:
    pkcs11_location_wipe(location);
    return result;
}

void pkcs11_location_wipe(struct pkcs11_location *location)
{
    if (location->uri)
        p11_kit_uri_free(location->uri);
    *location = (struct pkcs11_location){.uri = NULL};
}

/* A field padded with blanks as a string; what is not printable, which a token may well hold,
 * becomes a question mark, since it goes into log lines. */
static void unpad(char *text, const unsigned char *field, size_t size)
{
    size_t length = p11_kit_space_strlen(field, size);

    for (size_t i = 0; i < length; i++)
        text[i] = (char)(field[i] < ' ' || field[i] == 0x7f ? '?' : field[i]);
    text[length] = '\0';
}

static void describe(struct pkcs11_token *token, CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
    *token = (struct pkcs11_token){
        .slot = slot,
        .initialised = info->flags & CKF_TOKEN_INITIALIZED,
        .login_required = info->flags & CKF_LOGIN_REQUIRED,
        .write_protected = info->flags & CKF_WRITE_PROTECTED,
        .pin_final_try = info->flags & CKF_USER_PIN_FINAL_TRY,
        .pin_locked = info->flags & CKF_USER_PIN_LOCKED,
    };
    unpad(token->label, info->label, sizeof(info->label));
    unpad(token->serial, info->serialNumber, sizeof(info->serialNumber));
    unpad(token->manufacturer, info->manufacturerID, sizeof(info->manufacturerID));
    unpad(token->model, info->model, sizeof(info->model));
}

/* A search through the slots: what matched, and a list of what is there for a person. */
struct search {
    const struct pkcs11_location *location;
    const struct pkcs11_module *module;
    struct pkcs11_token token;
    unsigned matches;
    size_t listed;
    char list[640];
};

static void list_token(struct search *search, const struct pkcs11_token *token)
{
    char *at = search->list + search->listed;
    size_t left = sizeof(search->list) - search->listed;
    const char *comma = search->listed ? ", " : "";
    int length = token->initialised
                     ? snprintf(at, left, "%s\"%s\" (slot-id %lu, serial %s, model %s)", comma,
                                token->label, token->slot, token->serial, token->model)
                     : snprintf(at, left, "%san empty token (slot-id %lu)", comma, token->slot);

    if (length > 0)
        search->listed += (size_t)length < left ? (size_t)length : left - 1;
}

static bool slot_matches(const struct search *search, CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
    P11KitUri *uri = search->location->uri;
    CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(uri);
    CK_SLOT_INFO slot_info;

    if (wanted != (CK_SLOT_ID)-1 && wanted != slot)
        return false;
    if (!p11_kit_uri_match_token_info(uri, info))
        return false;
    return cryptoki(search->module)->C_GetSlotInfo(slot, &slot_info) == CKR_OK &&
           p11_kit_uri_match_slot_info(uri, &slot_info);
}

static void consider(struct search *search, CK_SLOT_ID slot)
{
    CK_TOKEN_INFO info;
    struct pkcs11_token token;

    /* A token that cannot be asked is not there; another one may be the right one. */
    if (cryptoki(search->module)->C_GetTokenInfo(slot, &info) != CKR_OK)
        return;
    describe(&token, slot, &info);
    list_token(search, &token);
    if (!token.initialised || !slot_matches(search, slot, &info))
        return;
    search->matches++;
    search->token = token;
}

/* The slots that hold a token. `*slots` is the caller's to free. */
static CK_RV slot_list(const struct pkcs11_module *module, CK_SLOT_ID **slots, CK_ULONG *count)
{
    enum { MOST_SLOTS = 4096, TRIES = 5 };
    CK_RV code = CKR_OK;

    *slots = NULL;
    for (int i = 0; i < TRIES; i++) { /* tokens may come between the two calls */
        code = cryptoki(module)->C_GetSlotList(CK_TRUE, NULL, count);
        if (code != CKR_OK || *count == 0)
            break;
        if (*count > MOST_SLOTS) {
            code = CKR_HOST_MEMORY;
            break;
        }
        *slots = calloc(*count, sizeof(**slots));
        if (!*slots)
            return CKR_HOST_MEMORY;
        code = cryptoki(module)->C_GetSlotList(CK_TRUE, *slots, count);
        if (code != CKR_BUFFER_TOO_SMALL)
            break;
        free(*slots);
        *slots = NULL;
    }
    if (code != CKR_OK) {
        free(*slots);
        *slots = NULL;
    }
    return code;
}

static CK_RV search_slots(struct search *search)
{
    CK_INFO info;
    CK_SLOT_ID *slots;
    CK_ULONG count;

    CK_RV code = cryptoki(search->module)->C_GetInfo(&info);
    if (code != CKR_OK)
        return code;
    code = slot_list(search->module, &slots, &count);
    if (code != CKR_OK)
        return code;
    for (CK_ULONG i = 0; i < count; i++)
        consider(search, slots[i]);
    free(slots);
    if (!p11_kit_uri_match_module_info(search->location->uri, &info))
        search->matches = 0;
    return CKR_OK;
}

enum result pkcs11_location_find(const struct pkcs11_location *location,
                                 const struct pkcs11_module *module, struct pkcs11_token *token,
                                 struct pkcs11_failure *failure)
{
    struct search search = {.location = location, .module = module};
    CK_RV code = search_slots(&search);

    if (code != CKR_OK) {
        pkcs11_fail(failure, pkcs11_code_trouble(code),
                    "module %s: cannot list its tokens: %s (0x%lx)", module->path,
                    pkcs11_code_name(code), code);
        if (failure)
            failure->code = code;
        return RESULT_TOKEN;
    }
    if (search.matches == 1) {
        *token = search.token;
        return RESULT_OK;
    }
    pkcs11_fail(failure, search.matches ? PKCS11_TROUBLE_SETUP : PKCS11_TROUBLE_GONE,
                "%s token matches \"%.256s\"; module %.200s has: %s%s",
                search.matches ? "more than one" : "no", location->text, module->path,
                search.listed ? search.list : "no tokens",
                search.matches ? "; add serial= or slot-id=" : "");
    return RESULT_TOKEN;
}
