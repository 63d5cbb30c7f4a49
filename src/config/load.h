/*
 * load.h - what is at hand while a tree becomes structs. Private to config.
 */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "avow/config/config.h"
#include "schema.h"
#include "yaml.h"

enum { LOADER_TOLD = 16, LOADER_WORD_OCTETS = 80 };

struct loader {
    struct config *config; /* being filled */
    struct yaml_document *document;
    struct complaints *complaints;
    enum config_depth depth;
    const char *folder;   /* absolute: of the configuration file */
    bool others_can_read; /* the configuration file; false unless files are looked at */
    const struct schema_key *told[LOADER_TOLD]; /* inactive keys that a note was given of */
    size_t told_count;
};

/* Complain of a place; NULL: of the whole file. */
void loader_complain(struct loader *loader, enum complaint_weight weight,
                     const struct yaml_place *place, const char *format, ...) PRINTF_LIKE(4, 5);

#define loader_error(loader, place, ...)                                                           \
    loader_complain(loader, COMPLAINT_ERROR, place, __VA_ARGS__)
#define loader_warning(loader, place, ...)                                                         \
    loader_complain(loader, COMPLAINT_WARNING, place, __VA_ARGS__)

/* Where a key of a mapping stands, or else the mapping; NULL when there is no mapping. */
const struct yaml_place *loader_place(const struct yaml_node *map, const char *key);

/* What a person wrote, fit to be repeated in a complaint: cut off, and nothing unprintable. */
char *loader_word(const char *text, char word[LOADER_WORD_OCTETS]);

/* An absolute path in the configuration's memory. NULL when memory ran out. */
char *loader_path(struct loader *loader, const char *path);

/* Of `count` words, the one that `text` was probably meant to be; NULL when none is near. */
const char *loader_nearest(const char *text, const char *const *words, size_t count);

/* Fill a struct from a mapping; with NULL from defaults. */
void walk_map(struct loader *loader, const struct yaml_node *map, const struct schema_table *table,
              void *object);

/*
 * Write one value into `place`; complain when the text is none.
 *
 * object  The struct that the place is in, for kinds that fill more than one field.
 */
void value_write(struct loader *loader, const struct schema_key *key, const struct yaml_node *node,
                 void *object, void *place);

/* Write what a reference means whose key was left out; `map` is where it could have been. */
void value_write_left_out(struct loader *loader, const struct schema_key *key,
                          const struct yaml_node *map, void *place);

/* Read variables into the struct. */
void value_write_variables(struct loader *loader, const struct schema_key *key,
                           const struct yaml_node *map, void *object);

/* Seconds with a unit that leaves no fraction: 90d. Returns `text`. */
char *value_duration_to_text(uint64_t seconds, char text[LOADER_WORD_OCTETS]);

/* Octets with a unit that leaves no fraction: 64G. Returns `text`. */
char *value_size_to_text(uint64_t octets, char text[LOADER_WORD_OCTETS]);

/* Read the PIN of a keystore, complaining of `place`; kept with CONFIG_SECRETS. */
void secrets_read_pin(struct loader *loader, const struct yaml_place *place,
                      struct config_keystore *keystore);

/* Refuse a secret of so few octets that it can be guessed; `what`: the file, or the key. */
void secrets_judge_length(struct loader *loader, const struct yaml_place *place, const char *what,
                          size_t length);

/* Read the secret of a TSIG key from its file, in the same way. */
void secrets_read_tsig(struct loader *loader, const struct yaml_place *place,
                       struct config_tsig *tsig);

/* Read the secrets of cookies from their files, which `list` names, in the same way. */
void secrets_read_cookies(struct loader *loader, const struct yaml_node *list,
                          struct config_cookies *cookies);

#endif
