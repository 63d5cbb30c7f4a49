/*
 * module.h - one PKCS#11 module in this process, and what its errors mean.
 *
 * Only the module that the configuration names is loaded, by its path, never all that are
 * registered. Load it once, in a process that was exec'd fresh and has no threads yet: some modules
 * (SoftHSM) do not notice a fork, and a child would go on signing with its parent's login.
 * A process that loaded a module ends with _exit: some modules crash in their atexit handlers.
 *
 * Floor: pkcs11, the only landlord of p11-kit: PKCS#11 types stay behind `unsigned long` handles.
 */
#ifndef AVOW_PKCS11_MODULE_H
#define AVOW_PKCS11_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#include "avow/base/result.h"

/* What a caller does about a failure. */
enum pkcs11_trouble {
    PKCS11_TROUBLE_NONE,
    PKCS11_TROUBLE_OPERATION, /* this call only; the session goes on; not to be tried again as is */
    PKCS11_TROUBLE_GONE, /* token or session lost: end the process, start afresh after a pause */
    PKCS11_TROUBLE_PIN,  /* PIN wrong, locked or expired: never try again by oneself */
    PKCS11_TROUBLE_SETUP /* a person must change the configuration or the token */
};

enum { PKCS11_FAILURE_OCTETS = 1024, PKCS11_PATH_OCTETS = 512 };

/*
 * Why a call did not give RESULT_OK. The text is one sentence that names module or token, slot, key
 * and the CKR code where there is one: "token "avow" (slot 0x1a2b): ... : CKR_PIN_INCORRECT (...)".
 * It never holds a PIN.
 */
struct pkcs11_failure {
    enum pkcs11_trouble trouble;
    unsigned long code; /* the module's CKR code; 0 when the failure is not the module's */
    char text[PKCS11_FAILURE_OCTETS];
};

/* An environment variable that the module reads, such as SOFTHSM2_CONF. Borrowed. */
struct pkcs11_setting {
    const char *name;
    const char *value;
};

/* A loaded module. Zeroed: none. Its function list may be called from any thread. */
struct pkcs11_module {
    void *functions; /* CK_FUNCTION_LIST; owned through p11-kit */
    bool initialised;
    char path[PKCS11_PATH_OCTETS];
};

/*
 * Set the module's environment, load it, initialise it for use from several threads.
 *
 * module    Caller's storage, written here; kept at one address until unloaded.
 * path      The shared object, absolute.
 * settings  `count` of them, put into this process's environment; so call this before any thread.
 *
 * Returns   RESULT_OK; RESULT_TOKEN with `failure` filled: SETUP when the file cannot be loaded,
 *           otherwise as C_Initialize's code is classified.
 */
MUST_CHECK enum result pkcs11_module_load(struct pkcs11_module *module, const char *path,
                                          const struct pkcs11_setting *settings, size_t count,
                                          struct pkcs11_failure *failure);

/* C_Finalize and unload; takes a module in any state. No session of it may be in use. */
void pkcs11_module_unload(struct pkcs11_module *module);

/* The name of a code, "CKR_PIN_INCORRECT"; "CKR_VENDOR_DEFINED" or "CKR_?" for others. Never NULL.
 */
const char *pkcs11_code_name(unsigned long code);

/* What to do about a CKR code; NONE for CKR_OK. */
enum pkcs11_trouble pkcs11_code_trouble(unsigned long code);

/* The word for a trouble, for logs and metrics: "operation", "gone", "pin", "setup". Never NULL. */
const char *pkcs11_trouble_name(enum pkcs11_trouble trouble);

#endif
