/*
 * location.h - which token: an RFC 7512 URI matched against the slots of a module; and its PIN.
 *
 * Floor: pkcs11.
 */
#ifndef AVOW_PKCS11_LOCATION_H
#define AVOW_PKCS11_LOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"
#include "avow/pkcs11/module.h"

enum { PKCS11_URI_OCTETS = 1024, PKCS11_PIN_OCTETS = 256 };

/* A parsed URI. Zeroed: none. */
struct pkcs11_location {
    void *uri;                        /* P11KitUri; owned */
    char text[PKCS11_URI_OCTETS];     /* as the person wrote it */
    char pin_file[PKCS11_URI_OCTETS]; /* from pin-source=file:PATH; empty when not given */
};

/* A token as it describes itself, padding taken off. */
struct pkcs11_token {
    unsigned long slot;
    char label[33];
    char serial[17];
    char manufacturer[33];
    char model[17];
    bool initialised;
    bool login_required;
    bool write_protected;
    bool pin_final_try; /* the next wrong PIN locks it */
    bool pin_locked;
};

/* A PIN, in memory of base/vault.h. Zeroed: empty. Do not copy. */
struct pkcs11_pin {
    uint8_t *octets;
    size_t length;
};

/*
 * Parse a URI that selects a token: token, serial, manufacturer, model, slot-id, and the slot and
 * library attributes of RFC 7512; pin-source=file:PATH.
 *
 * Refused with SETUP: what is not a PKCS#11 URI; an attribute that is not known; pin-value (a PIN
 * does not belong in a configuration that others read); object, id and type (the keys are avow's
 * to name); module-path and module-name (the keystore names its module); a pin-source that is no
 * file. Returns RESULT_OK or RESULT_FORMAT with `failure` filled. The text goes to `location` only
 * when it was accepted.
 * Source   RFC 7512 section 2.3.
 */
MUST_CHECK enum result pkcs11_location_parse(struct pkcs11_location *location, const char *text,
                                             struct pkcs11_failure *failure);

/* Give back what it owns; takes a location in any state. */
void pkcs11_location_wipe(struct pkcs11_location *location);

/*
 * Find the one token that the location means.
 *
 * Returns  RESULT_OK with `token` written; RESULT_TOKEN otherwise: GONE when no token matches (it
 *          may come back), SETUP when two or more do. The text lists the tokens that are there.
 */
MUST_CHECK enum result pkcs11_location_find(const struct pkcs11_location *location,
                                            const struct pkcs11_module *module,
                                            struct pkcs11_token *token,
                                            struct pkcs11_failure *failure);

/*
 * Read a PIN from a file: its first line, without the line's end. Refused when the file is no
 * regular file, when others than its owner and group can read it, when it is empty or longer than
 * PKCS11_PIN_OCTETS. Returns RESULT_OK; RESULT_REFUSED, RESULT_FORMAT or RESULT_SYSTEM with
 * `failure` filled (SETUP).
 */
MUST_CHECK enum result pkcs11_pin_read(struct pkcs11_pin *pin, const char *path,
                                       struct pkcs11_failure *failure);

/* Take a copy of a PIN; RESULT_FORMAT when it is empty or too long, RESULT_SYSTEM without memory.
 */
MUST_CHECK enum result pkcs11_pin_set(struct pkcs11_pin *pin, const void *octets, size_t length);

/* Wipe it: it is empty then. */
void pkcs11_pin_wipe(struct pkcs11_pin *pin);

#endif
