/* verbs.c - one table of verbs: usage, completion and the manual page follow it. */
#include "avowctl.h"

enum { WORDS_MOST = 254 };

const struct verb verbs[] = {
    {"status", NULL, 0, 0, "", "how the daemon is", NULL, render_status},
    {"zone", "list", 0, 0, "", "every zone in a line", NULL, render_zone_list},
    {"zone", "status", 1, 1, "ZONE", "a zone in full", NULL, render_zone_status},
    {"zone", "check", 1, 2, "FILE [ORIGIN]", "judge a zone file; needs no daemon", run_zone_check,
     NULL},
    {"zone", "reload", 1, 2, "ZONE [--force]", "load the zone's file again", NULL, render_nothing},
    {"zone", "wait", 1, 3, "ZONE [--timeout SECONDS]", "return when it is fully signed", NULL,
     render_nothing},
    {"zone", "export", 1, 2, "ZONE [--unsigned]", "the zone in presentation form", NULL,
     render_nothing},
    {"zone", "begin", 1, 1, "ZONE", "collect changes from now on", NULL, render_nothing},
    {"zone", "set", 4, WORDS_MOST, "ZONE OWNER [TTL] TYPE RDATA...", "collect: add a record", NULL,
     render_nothing},
    {"zone", "unset", 2, WORDS_MOST, "ZONE OWNER [TYPE [RDATA...]]", "collect: remove records",
     NULL, render_nothing},
    {"zone", "diff", 1, 2, "ZONE [FILE]", "what the changes, or a file, would change", NULL,
     render_nothing},
    {"zone", "commit", 1, 2, "ZONE [--dry-run]", "make the changes, all or none", NULL,
     render_nothing},
    {"zone", "abort", 1, 1, "ZONE", "forget the changes", NULL, render_nothing},
    {"zone", "write", 1, 2, "ZONE [--force]", "write the zone to its file", NULL, render_nothing},
    {"key", "list", 0, 1, "[ZONE]", "DNSSEC keys", NULL, render_keys},
    {"ds", NULL, 1, 1, "ZONE", "DS records for the parent zone", NULL, render_records},
    {"dnskey", NULL, 1, 1, "ZONE", "DNSKEY records", NULL, render_records},
    {"tsig", "generate", 1, 2, "NAME [ALGORITHM]", "a new TSIG key; needs no daemon",
     run_tsig_generate, NULL},
    {"cookie", "generate", 0, 0, "", "a new secret for DNS cookies; needs no daemon",
     run_cookie_generate, NULL},
    {"config", "check", 1, 1, "FILE", "judge a configuration file; needs no daemon",
     run_config_check, NULL},
    {"config", "schema", 0, 0, "", "JSON Schema of the configuration; needs no daemon",
     run_config_schema, NULL},
    {"store", "check", 0, 1, "[FOLDER]", "look at every record of the store; daemon stopped",
     run_store_check, NULL},
    {"store", "dump", 0, 1, "[FOLDER]", "the store as text; daemon stopped", run_store_dump, NULL},
    {"store", "load", 0, 1, "[FOLDER]", "a dump into an empty store; daemon stopped",
     run_store_load, NULL},
    {"completion", NULL, 1, 1, "SHELL", "a completion script for bash or zsh", run_completion,
     NULL},
};

const size_t verb_count = COUNT(verbs);
