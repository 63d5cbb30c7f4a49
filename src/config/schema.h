/*
 * schema.h - the table that parser, defaults, avow.yaml(5) and JSON Schema are made of.
 *
 * Private to config.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loader;
struct yaml_node;

/* What a value is, and with it what is written into the struct. */
enum schema_kind {
    SCHEMA_MAP,         /* the keys of `table`; the same struct, or a list's item */
    SCHEMA_VARIABLES,   /* any keys, text values: struct config_variable and a count */
    SCHEMA_TEXT,        /* char * */
    SCHEMA_TEXT_OR_OFF, /* char *, NULL for off */
    SCHEMA_LABEL,       /* char *: a name made of letters, digits, dots, dashes, underscores */
    SCHEMA_SWITCH,      /* bool */
    SCHEMA_COUNT,       /* unsigned, `least` to `most`; as are the next two */
    SCHEMA_DURATION,
    SCHEMA_SIZE,
    SCHEMA_WORD,         /* one of `words`: its value */
    SCHEMA_WORD_TEXT,    /* one of `words`: const char *, the word itself */
    SCHEMA_LOG_TARGET,   /* enum config_log_target, and log_file of struct config_server */
    SCHEMA_ADDRESS,      /* struct config_address; the port is `most`, or 53, when left out */
    SCHEMA_PREFIX,       /* struct config_prefix */
    SCHEMA_NAME,         /* struct name, lower-cased */
    SCHEMA_NAME_POINTER, /* struct name *, likewise; NULL when left out */
    SCHEMA_PIN,          /* uint8_t *, CONFIG_PIN_OCTETS decoded from base64, and a count */
    SCHEMA_TYPE,         /* uint16_t: a record type that an update may touch */
    SCHEMA_PATH,         /* char *, absolute */
    SCHEMA_URI,          /* char *: PKCS#11 */
    SCHEMA_SECRET,       /* uint8_t *, decoded from base64, and a count */
    SCHEMA_HEX_SECRET,   /* an array of octets: twice as many hexadecimal digits */
    SCHEMA_KEYSTORE,     /* const struct config_keystore *, by name */
    SCHEMA_TSIG_KEY,     /* const struct config_tsig *, by name */
    SCHEMA_POLICY        /* const struct config_policy *, by name; NULL for none */
};

struct schema_word {
    const char *word;
    uint32_t value;
};

struct schema_table;

struct schema_key {
    const char *name;
    const char *help; /* sentences, plain text */
    enum schema_kind kind;
    bool list;     /* a list of such values: a pointer to the array at `offset` */
    bool required; /* for a list: at least one */
    bool inactive; /* checked, but this version does not act on it */
    bool inherits; /* of a zone: left out, it is as zone-defaults says */
    const struct schema_table *table;
    const struct schema_word *words;
    size_t word_count;
    uint64_t least, most;
    const char *fallback;  /* the default, as a person would write it; NULL: none */
    const char *otherwise; /* what holds when the key is left out and there is no such text */
    size_t offset;         /* where the value goes in the struct */
    size_t width;          /* octets of the value, or of an item of the list */
    size_t count_offset;   /* where the count of a list, of variables or of a secret goes */
};

struct schema_table {
    const char *what; /* "a zone" */
    const struct schema_key *keys;
    size_t count;
    /* Judge the whole once every key was read; NULL: nothing to judge. `map` may be NULL. */
    void (*check)(struct loader *loader, const struct yaml_node *map, void *object);
};

/* The whole file: struct config. Its rows are read in the table's order, so that what is named is
 * there before it is referred to, whatever the order in the file. */
extern const struct schema_table schema_root;

#endif
