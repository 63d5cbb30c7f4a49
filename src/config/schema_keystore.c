/* schema_keystore.c - the table of schema.c for keystores. */
#include "avow/config/config.h"
#include "rules.h"
#include "schema_rows.h"

/* Some fields are pointers, and their own size is meant: NOLINTBEGIN(bugprone-sizeof-expression) */

static const struct schema_key keystore_keys[] = {
    {.name = "name",
     .help = "What policies call it.",
     .kind = SCHEMA_LABEL,
     .required = true,
     INTO(config_keystore, name)},
    {.name = "module",
     .help = "The PKCS#11 module, a shared object. Only this one is loaded, never all that are "
             "registered with p11-kit.",
     .kind = SCHEMA_PATH,
     .required = true,
     INTO(config_keystore, module)},
    {.name = "uri",
     .help = "RFC 7512 URI of the token, such as \"pkcs11:token=avow\". It must not hold a PIN; "
             "pin-source=file:PATH is the same as pin-file.",
     .kind = SCHEMA_URI,
     .required = true,
     INTO(config_keystore, uri)},
    {.name = "pin-file",
     .help = "File whose first line is the PIN. Only its owner may be able to read it.",
     .kind = SCHEMA_PATH,
     .otherwise = "no login",
     INTO(config_keystore, pin_file)},
    {.name = "environment",
     .help = "Environment variables for the module, beside those of the daemon. A value that "
             "begins with ./ or ../ is a path relative to the folder of the configuration file.",
     .kind = SCHEMA_VARIABLES,
     COUNTED_INTO(config_keystore, environment, environment_count)},
    {.name = "sessions",
     .help = "Sessions with the token, each a thread that signs. 0 means one per processor core. "
             "All keystores together have at most 128: none has more than an even share of these.",
     .kind = SCHEMA_COUNT,
     .most = 64,
     .fallback = "0",
     INTO(config_keystore, sessions)},
    {.name = "network",
     .help = "Whether the module reaches its token through the network. When off, the signer can "
             "make no network connections at all.",
     .kind = SCHEMA_SWITCH,
     .fallback = "off",
     INTO(config_keystore, network)},
};

/* NOLINTEND(bugprone-sizeof-expression) */

const struct schema_table schema_keystore = {
    .what = "a keystore", TABLE(keystore_keys), .check = rules_keystore};
