/* schema_cookies.c - the table of schema.c for DNS cookies. */
#include "avow/config/config.h"
#include "rules.h"
#include "schema_rows.h"

static const struct schema_word requirements[] = {
    {"never", CONFIG_COOKIES_NEVER},
    {"pressure", CONFIG_COOKIES_PRESSURE},
    {"always", CONFIG_COOKIES_ALWAYS},
};

/* Some fields are pointers, and their own size is meant: NOLINTBEGIN(bugprone-sizeof-expression) */

static const struct schema_key cookies_keys[] = {
    {.name = "enabled",
     .help = "Whether clients that send a cookie get one. A client that sends it back has shown "
             "that its address is not forged.",
     .kind = SCHEMA_SWITCH,
     .fallback = "on",
     INTO(config_cookies, enabled)},
    {.name = "require",
     .help = "When a client that knows cookies, and sends by UDP without a good one, gets nothing "
             "but BADCOOKIE with a cookie to come again with: never; under pressure, while answers "
             "are held back by rate-limit; or always. Clients that know no cookies are not meant.",
     .kind = SCHEMA_WORD,
     WORDS(requirements),
     .fallback = "pressure",
     INTO(config_cookies, require)},
    {.name = "secret-files",
     .help = "Files with secrets of 128 bits: 32 hexadecimal digits in a line, as avowctl cookie "
             "generate prints them. Only their owner may be able to read them. The first secret "
             "makes cookies, and those of all are accepted, 8 at most. Servers that answer at one "
             "address need the same. To replace a secret, add the new one behind the old one on "
             "all of them, then put it first on all, and an hour later take the old one away; a "
             "reload does each. Interoperable with other servers by RFC 9018.",
     .kind = SCHEMA_PATH,
     .otherwise = "a random secret that lasts as long as the process",
     LIST_INTO(config_cookies, secret_files, secret_file_count)},
    {.name = "secrets",
     .help = "The secrets themselves, instead of secret-files. Then only its owner may be able to "
             "read the configuration file.",
     .kind = SCHEMA_HEX_SECRET,
     .otherwise = "secret-files are given, or none",
     LIST_INTO(config_cookies, secrets, secret_count)},
};

/* NOLINTEND(bugprone-sizeof-expression) */

const struct schema_table schema_cookies = {
    .what = "cookies", TABLE(cookies_keys), .check = rules_cookies};
