/*
 * test_config_schema.c - the texts made from the table: whole, well formed, and as committed.
 *
 * After a change of the table, AVOW_UPDATE=1 build/tests/unit/test_config_schema, run at the top of
 * the tree, writes man/avow.yaml.5 anew.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "avow/config/schema.h"
#include "src/config/schema.h"
#include "support.h"

#define PAGE "man/avow.yaml.5"

static struct buffer text;

static void free_text(void)
{
    buffer_free(&text);
}

START_TEST(the_manual_page_is_up_to_date)
{
    config_schema_man(&text);
    ck_assert_int_eq(buffer_check(&text), RESULT_OK);
    if (getenv("AVOW_UPDATE")) {
        FILE *page = fopen(PAGE, "w");
        ck_assert_ptr_nonnull(page);
        ck_assert_uint_eq(fwrite(text.octets, 1, text.length, page), text.length);
        ck_assert_int_eq(fclose(page), 0);
    }
    FILE *page = fopen(PAGE, "r");
    ck_assert_msg(page != NULL, "run at the top of the tree");
    char *committed = calloc(1, text.length + 2);
    ck_assert_ptr_nonnull(committed);
    size_t length = fread(committed, 1, text.length + 1, page);
    ck_assert_int_eq(fclose(page), 0);
    ck_assert_msg(length == text.length && !memcmp(committed, text.octets, length),
                  PAGE " is out of date; write it anew with AVOW_UPDATE=1");
    free(committed);
}
END_TEST

/* Every key of the table with its help, at every depth, and nothing else. */
static void compare(const struct schema_table *table, const json_t *schema)
{
    const json_t *properties = json_object_get(schema, "properties");

    ck_assert(json_is_false(json_object_get(schema, "additionalProperties")));
    ck_assert_uint_eq(json_object_size(properties), table->count);
    for (size_t i = 0; i < table->count; i++) {
        const struct schema_key *key = &table->keys[i];
        const json_t *entry = json_object_get(properties, key->name);
        const json_t *required = json_object_get(schema, "required"), *name;
        bool found = false;
        size_t j;

        ck_assert_msg(entry != NULL, "%s", key->name);
        ck_assert_str_eq(json_string_value(json_object_get(entry, "description")), key->help);
        json_array_foreach(required, j, name) found =
            found || !strcmp(json_string_value(name), key->name);
        ck_assert_msg(found == key->required, "%s: required?", key->name);
        if (key->list)
            entry = json_object_get(entry, "items");
        ck_assert_msg(json_object_get(entry, "type") || json_object_get(entry, "enum"), "%s",
                      key->name);
        if (key->table)
            compare(key->table, entry);
    }
}

START_TEST(the_schema_is_the_table)
{
    json_error_t error;

    config_schema_json(&text);
    ck_assert_int_eq(buffer_check(&text), RESULT_OK);
    json_t *schema = json_loadb((char *)text.octets, text.length, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(schema != NULL, "line %d: %s", error.line, error.text);
    ck_assert_str_eq(json_string_value(json_object_get(schema, "$schema")),
                     "https://json-schema.org/draft/2020-12/schema");
    compare(&schema_root, schema);
    json_decref(schema);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/schema");
    TCase *texts = tcase_create("texts");

    tcase_add_checked_fixture(texts, NULL, free_text);
    tcase_add_test(texts, the_manual_page_is_up_to_date);
    tcase_add_test(texts, the_schema_is_the_table);
    suite_add_tcase(suite, texts);
    return run_suite(suite);
}
