/* test_pkcs11_location.c - which URIs and PIN files are accepted, and what is said of the others.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avow/pkcs11/location.h"
#include "avow/pkcs11/module.h"
#include "token.h"

static const struct {
    const char *uri;
    const char *what; /* part of the complaint; NULL when it is accepted */
    const char *pin_file;
} uris[] = {
    {"pkcs11:token=avow", NULL, ""},
    {"pkcs11:", NULL, ""},
    {"pkcs11:token=a%20b%3B;serial=0123;manufacturer=x;model=y", NULL, ""},
    {"pkcs11:slot-id=17", NULL, ""},
    {"pkcs11:token=avow?pin-source=file:/run/pin", NULL, "/run/pin"},
    {"pkcs11:token=avow?pin-source=file:///run/pin", NULL, "/run/pin"},
    {"pkcs11:token=avow?pin-source=/run/pin", NULL, "/run/pin"},
    {"pkcs11:token=avow?pin-source=file://host/run/pin", "pin-source must be", NULL},
    {"pkcs11:token=avow?pin-source=pin", "pin-source must be", NULL},
    {"pkcs11:token=avow?pin-source=%7Ccat", "pin-source must be", NULL},
    {"pkcs11:token=avow?pin-value=1234", "use pin-file", NULL},
    {"pkcs11:token=avow?module-path=/x.so", "keystore's module", NULL},
    {"pkcs11:token=avow?module-name=x", "keystore's module", NULL},
    {"pkcs11:token=avow;object=ksk", "names its keys itself", NULL},
    {"pkcs11:token=avow;id=%01", "names its keys itself", NULL},
    {"pkcs11:token=avow;type=private", "names its keys itself", NULL},
    {"pkcs11:tokem=avow", "\"tokem\" is no attribute", NULL},
    {"pkcs11:token=avow?x-more=1", "\"x-more\" is no attribute", NULL},
    {"pkcs11:token", "\"token\" is no attribute", NULL},
    {"pkcs11:token=a;token=b", "\"token\" is there twice", NULL},
    {"pkcs11:token=%zz", "", NULL},
    {"pkcs11:token=a%", "", NULL},
    {"pkcs11:slot-id=x", "", NULL},
    {"pkcs11:token=my token", "%20", NULL},
    {"pkcs11:token=\xc3\xa4", "%20", NULL},
    {"token=avow", "must begin with", NULL},
    {"", "must begin with", NULL},
};

START_TEST(parses_a_uri)
{
    struct pkcs11_location location;
    struct pkcs11_failure failure = {.trouble = PKCS11_TROUBLE_NONE};
    char *uri = (char *)exact_copy(uris[_i].uri, strlen(uris[_i].uri) + 1);

    enum result result = pkcs11_location_parse(&location, uri, &failure);
    if (uris[_i].what) {
        ck_assert_msg(result == RESULT_FORMAT, "%s", uris[_i].uri);
        ck_assert_msg(strstr(failure.text, uris[_i].what) != NULL, "%s", failure.text);
        ck_assert_msg(strstr(failure.text, "1234") == NULL, "a PIN is shown: %s", failure.text);
        ck_assert_int_eq(failure.trouble, PKCS11_TROUBLE_SETUP);
        ck_assert_ptr_null(location.uri);
    } else {
        ck_assert_msg(result == RESULT_OK, "%s: %s", uris[_i].uri, failure.text);
        ck_assert_str_eq(location.text, uri);
        ck_assert_str_eq(location.pin_file, uris[_i].pin_file);
    }
    pkcs11_location_wipe(&location);
    free(uri);
}
END_TEST

START_TEST(refuses_a_uri_without_end)
{
    struct pkcs11_location location;
    struct pkcs11_failure failure;
    char uri[PKCS11_URI_OCTETS + 64];

    memset(uri, 'a', sizeof(uri));
    memcpy(uri, "pkcs11:token=", 13);
    uri[sizeof(uri) - 1] = '\0';
    ck_assert_int_eq(pkcs11_location_parse(&location, uri, &failure), RESULT_FORMAT);
    ck_assert_ptr_nonnull(strstr(failure.text, "too long"));
}
END_TEST

static char longest[PKCS11_PIN_OCTETS + 3];
static char too_long[PKCS11_PIN_OCTETS + 3];

static const struct {
    const char *what, *text;
    mode_t mode;
    enum result result;
    size_t length;
    const char *complaint;
} pins[] = {
    {"a line", "1234\n", 0600, RESULT_OK, 4, NULL},
    {"no line end", "1234", 0640, RESULT_OK, 4, NULL},
    {"a carriage return", "1234\r\n", 0400, RESULT_OK, 4, NULL},
    {"a second line", "1234\nnotes\n", 0600, RESULT_OK, 4, NULL},
    {"the longest", longest, 0600, RESULT_OK, PKCS11_PIN_OCTETS, NULL},
    {"too long", too_long, 0600, RESULT_FORMAT, 0, "too long"},
    {"empty", "", 0600, RESULT_FORMAT, 0, "empty"},
    {"an empty line", "\n1234\n", 0600, RESULT_FORMAT, 0, "empty"},
    {"readable by all", "1234\n", 0644, RESULT_REFUSED, 0, "chmod o="},
    {"writable by all", "1234\n", 0602, RESULT_REFUSED, 0, "chmod o="},
};

START_TEST(reads_a_pin)
{
    struct pkcs11_pin pin;
    struct pkcs11_failure failure = {.trouble = PKCS11_TROUBLE_NONE};
    char *folder = folder_make();
    char path[512];

    memset(longest, '7', PKCS11_PIN_OCTETS);
    memset(too_long, '7', PKCS11_PIN_OCTETS + 1);
    snprintf(path, sizeof(path), "%s/pin", folder);
    token_write(path, pins[_i].text, pins[_i].mode);
    enum result result = pkcs11_pin_read(&pin, path, &failure);
    ck_assert_msg(result == pins[_i].result, "%s: %s", pins[_i].what, failure.text);
    ck_assert_uint_eq(pin.length, pins[_i].length);
    if (result) {
        ck_assert_ptr_nonnull(strstr(failure.text, pins[_i].complaint));
        ck_assert_ptr_nonnull(strstr(failure.text, path));
        ck_assert_int_eq(failure.trouble, PKCS11_TROUBLE_SETUP);
    } else {
        ck_assert_mem_eq(pin.octets, pins[_i].text, pin.length);
    }
    pkcs11_pin_wipe(&pin);
    ck_assert_ptr_null(pin.octets);
    ck_assert_uint_eq(pin.length, 0);
    folder_remove(folder);
}
END_TEST

START_TEST(wants_a_regular_file)
{
    struct pkcs11_pin pin;
    struct pkcs11_failure failure;

    ck_assert_int_eq(pkcs11_pin_read(&pin, "/nonexistent/pin", &failure), RESULT_SYSTEM);
    ck_assert_ptr_nonnull(strstr(failure.text, "/nonexistent/pin"));
    ck_assert_int_eq(pkcs11_pin_read(&pin, "/", &failure), RESULT_REFUSED);
    ck_assert_ptr_nonnull(strstr(failure.text, "regular"));
}
END_TEST

START_TEST(names_codes)
{
    ck_assert_str_eq(pkcs11_code_name(0), "CKR_OK");
    ck_assert_str_eq(pkcs11_code_name(0xa0), "CKR_PIN_INCORRECT");
    ck_assert_str_eq(pkcs11_code_name(0x32), "CKR_DEVICE_REMOVED");
    ck_assert_str_eq(pkcs11_code_name(0x1ff), "CKR_?");
    ck_assert_str_eq(pkcs11_code_name(0x80000001), "CKR_VENDOR_DEFINED");
    ck_assert_int_eq(pkcs11_code_trouble(0), PKCS11_TROUBLE_NONE);
    ck_assert_int_eq(pkcs11_code_trouble(0x32), PKCS11_TROUBLE_GONE);
    ck_assert_int_eq(pkcs11_code_trouble(0xe0), PKCS11_TROUBLE_GONE);
    ck_assert_int_eq(pkcs11_code_trouble(0x101), PKCS11_TROUBLE_GONE);
    ck_assert_int_eq(pkcs11_code_trouble(0xa4), PKCS11_TROUBLE_PIN);
    ck_assert_int_eq(pkcs11_code_trouble(0x21), PKCS11_TROUBLE_OPERATION);
    ck_assert_int_eq(pkcs11_code_trouble(0x80000001), PKCS11_TROUBLE_OPERATION);
}
END_TEST

static const struct {
    const char *path, *what;
} modules[] = {
    {"/nonexistent/module.so", "/nonexistent/module.so"},
    {"libsofthsm2.so", "absolute"},
    {"/etc/passwd", "/etc/passwd"},
};

START_TEST(says_why_a_module_does_not_load)
{
    struct pkcs11_module module;
    struct pkcs11_failure failure = {.trouble = PKCS11_TROUBLE_NONE};

    ck_assert_int_eq(pkcs11_module_load(&module, modules[_i].path, NULL, 0, &failure),
                     RESULT_TOKEN);
    ck_assert_int_eq(failure.trouble, PKCS11_TROUBLE_SETUP);
    ck_assert_msg(strstr(failure.text, modules[_i].what) != NULL, "%s", failure.text);
    ck_assert_ptr_null(module.functions);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pkcs11/location");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, parses_a_uri, 0, COUNT(uris));
    tcase_add_test(all, refuses_a_uri_without_end);
    tcase_add_loop_test(all, reads_a_pin, 0, COUNT(pins));
    tcase_add_test(all, wants_a_regular_file);
    tcase_add_test(all, names_codes);
    tcase_add_loop_test(all, says_why_a_module_does_not_load, 0, COUNT(modules));
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
