/*
 * keystore.h - one token: opened, lost and opened again by the clerk; lent by sessions to workers.
 *
 * A keystore has as many places as it may have signing sessions. A worker borrows a place for the
 * jobs of one letter and gives it back. When a call shows that the token is gone, the worker says
 * so (keystore_lost): nothing is lent any more, and once the last place is back the clerk closes
 * everything and tries again. What workers read of a keystore, and of its keys, changes only
 * while no place is lent.
 */
#ifndef SIGNER_KEYSTORE_H
#define SIGNER_KEYSTORE_H

#include <pthread.h>

#include "avow/config/config.h"
#include "avow/pkcs11/location.h"
#include "avow/pkcs11/mechanism.h"
#include "avow/pkcs11/module.h"
#include "avow/pkcs11/object.h"
#include "avow/pkcs11/session.h"
#include "watch.h"

enum { KEYSTORE_NAME_OCTETS = 128 };

enum keystore_state {
    KEYSTORE_CLOSED, /* its clerk tries, with growing pauses */
    KEYSTORE_UP,
    KEYSTORE_LOST,   /* its places are coming back */
    KEYSTORE_REFUSED /* the PIN is wrong: nothing is tried until the configuration is reloaded */
};

/* A module, loaded once however many keystores name it, whose clerks share it. */
struct keystore_module {
    struct pkcs11_module module; /* does not change while there are users */
    char *path;
    pthread_mutex_t lock; /* held while it is loaded or unloaded */
    unsigned users;       /* keystores that are being opened, or are open */
};

/* A session that a worker has for a while. */
struct keystore_place {
    struct keystore_place *next; /* free */
    struct pkcs11_session session;
    uint64_t made; /* signatures since it was borrowed */
};

struct keystore {
    char name[KEYSTORE_NAME_OCTETS];
    struct keystore_module *module;
    struct pkcs11_location location;
    struct pkcs11_pin pin;
    unsigned sessions;

    /* The clerk's; read by workers who hold a place. */
    struct pkcs11_token token;
    struct pkcs11_mechanisms mechanisms;
    struct pkcs11_session anchor; /* keeps the login, finds and proves keys */
    uint32_t epoch;               /* raised whenever handles of before are worth nothing */

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t back;  /* a place is free, or none will be */
    enum keystore_state state;
    _Atomic bool up; /* the same, to be looked at without the lock */
    unsigned lent;
    struct keystore_place *free;
    struct keystore_place *places;    /* `sessions` of them */
    char text[PKCS11_FAILURE_OCTETS]; /* unless UP: why not */
    _Atomic uint64_t made;            /* signatures */

    /* The clerk's own. */
    uint64_t next_try_ms; /* while CLOSED */
    uint64_t up_since_ms;
    unsigned tries;      /* pauses so far; forgotten once it has been up for a while */
    unsigned failures;   /* attempts since it was up */
    bool at_hand;        /* in the last attempt the token was found */
    uint64_t rate_mark;  /* signatures when the rate was told last */
    uint64_t probe_mark; /* signatures when an idle token was looked at last */
    uint32_t rate;
};

/*
 * Take over what the configuration says, the PIN included, but for the module's environment;
 * nothing is loaded or opened yet.
 *
 * module   Shared by keystores of the same path; outlives the keystore.
 * most_sessions  Though the configuration has more.
 * Returns  RESULT_OK; RESULT_FORMAT when the URI or the PIN is not to be used: then the keystore is
 *          there all the same, REFUSED, with the reason; RESULT_SYSTEM without memory.
 */
MUST_CHECK enum result keystore_init(struct keystore *keystore,
                                     const struct config_keystore *config,
                                     struct keystore_module *module, unsigned most_sessions);

/* Wipe the PIN, give back what needs no module. The process is about to end. */
void keystore_wipe(struct keystore *keystore);

/* ---- for the clerk -------------------------------------------------------------------------- */

/* Some modules see a token that came (SoftHSM), or work again once their connection broke (those
 * behind p11-kit), only after C_Finalize and C_Initialize: unload it unless some keystore uses it.
 */
void keystore_begin_anew(struct keystore *keystore, struct watch *watch);

/* Load the module unless it is loaded; find the token, open its sessions, log in: one attempt. Then
 * the clerk looks up its keys and says keystore_up. `failure` is filled otherwise. */
MUST_CHECK enum result keystore_open(struct keystore *keystore, struct watch *watch,
                                     struct pkcs11_failure *failure);

/* From now on places are lent. */
void keystore_up(struct keystore *keystore, uint64_t now_ms);

/* Nothing is lent from now on; waits for the places that are, then closes every session. */
void keystore_close(struct keystore *keystore, struct watch *watch);

/* Set the state of a closed keystore, and why. */
void keystore_set_down(struct keystore *keystore, enum keystore_state state, const char *text);

enum keystore_state keystore_state(struct keystore *keystore);

/* Why it is not up, for a letter: copied to `text`. */
void keystore_reason(struct keystore *keystore, char *text, size_t size);

/* ---- for workers ---------------------------------------------------------------------------- */

/* Borrow a place, waiting while all are lent. NULL when the token is not at hand; `text` then says
 * why. Borrow one at a time: who holds one and waits for another may wait for ever. */
struct keystore_place *keystore_borrow(struct keystore *keystore, char *text, size_t size);

void keystore_return(struct keystore *keystore, struct keystore_place *place);

/* A call said that token or session are gone. The first to say so is logged. True when it was this
 * call that changed the state: then the clerk is to be woken. */
bool keystore_lost(struct keystore *keystore, const struct pkcs11_failure *failure);

#endif
