#include <gtest/gtest.h>

#include "client/storage/path.h"
#include "client/storage/webhdfs_answers.h"
#include "client/storage/webhdfs_client.h"

namespace rdev::storage {
namespace {

TEST(WebHdfs, ReadsAStatus) {
  const auto file = parse_file_status(
      R"({"FileStatus":{"length":7,"modificationTime":784111777123,"pathSuffix":"","type":"FILE"}})",
      "a");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->name, "a");
  EXPECT_EQ(file->bytes, 7U);
  EXPECT_EQ(file->modified_s, 784111777);
  EXPECT_EQ(file->version, "7-784111777123");
  EXPECT_EQ(parse_file_status(R"({"FileStatus":{"type":"DIRECTORY"}})", "d")->kind, Kind::kFolder);
}

TEST(WebHdfs, RefusesWhatIsNoStatus) {
  for (const char* text : {"", "[]", "{}", R"({"FileStatus":7})", R"({"FileStatus":{}})",
                           R"({"FileStatus":{"type":"SYMLINK"}})"}) {
    EXPECT_FALSE(parse_file_status(text, "a")) << text;
    EXPECT_FALSE(parse_directory_listing(text)) << text;
    EXPECT_FALSE(parse_file_statuses(text)) << text;
    EXPECT_FALSE(parse_boolean(text)) << text;
  }
}

TEST(WebHdfs, LengthsAreNotNegative) {
  EXPECT_EQ(parse_file_status(R"({"FileStatus":{"length":-1,"type":"FILE"}})", "a")->bytes, 0U);
}

TEST(WebHdfs, GoesOnBehindTheLastName) {
  const auto page = parse_directory_listing(
      R"({"DirectoryListing":{"partialListing":{"FileStatuses":{"FileStatus":[
          {"pathSuffix":"a","type":"FILE","length":1},{"pathSuffix":"..","type":"DIRECTORY"},
          {"pathSuffix":"x/y","type":"FILE"},{"pathSuffix":"l","type":"SYMLINK"}]}},
          "remainingEntries":2}})");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->items.size(), 1U);
  EXPECT_EQ(page->unfit, 3U);
  EXPECT_EQ(page->next, "l");
}

TEST(WebHdfs, ErrorsAreOneLine) {
  const auto error = parse_remote_exception(
      R"({"RemoteException":{"exception":"FileNotFoundException","message":"a\u001b[1m b\n\tat x"}})");
  EXPECT_EQ(error.name, "FileNotFoundException");
  EXPECT_EQ(error.message, "a?[1m b");
}

TEST(WebHdfs, FollowsARedirectButNotIntoClear) {
  const http::Base plain{.host = "nn", .port = "80"};
  const http::Base secure{.tls = true, .host = "nn", .port = "443", .path = "/webhdfs/v1"};
  EXPECT_EQ(where_to(plain, "http://dn:5075/x?op=OPEN")->base.text(), "http://dn:5075");
  EXPECT_EQ(where_to(secure, "https://dn/x?op=OPEN")->rest, "/x?op=OPEN");
  EXPECT_EQ(where_to(secure, "/a/dn/x")->base.text(), "https://nn");
  const auto clear = where_to(secure, "http://dn:5075/x");
  ASSERT_FALSE(clear);
  EXPECT_EQ(clear.error().code, Code::kPermission);
  for (const char* location : {"", "x", "//evil/x", "ftp://dn/x", "file:///etc"}) {
    EXPECT_FALSE(where_to(plain, location)) << location;
  }
}

TEST(Place, IsTakenApart) {
  const auto place = parse_place("pai://c/s/a b//%20/./ü+;");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->cluster, "c");
  EXPECT_EQ(place->storage, "s");
  EXPECT_EQ(place->path, "a b/%20/ü+;");
  EXPECT_FALSE(place->is_folder);
  EXPECT_EQ(parse_place("pai://c/s")->path, "");
  EXPECT_TRUE(parse_place("pai://c/s/a/")->is_folder);
}

TEST(Place, RefusesTheRest) {
  for (const char* url : {"", "pai:", "pai://", "pai://c", "pai://c/", "pai:///s/x", "http://c/s",
                          "pai://c/s/../x", "pai://c/../x", "pai://c/s/a/.."}) {
    const auto place = parse_place(url);
    ASSERT_FALSE(place) << url;
    EXPECT_EQ(place.error().code, Code::kUsage);
  }
}

TEST(Path, EncodesAllButSlashes) {
  EXPECT_EQ(encode_path("a b/%+;ü"), "a%20b/%25%2B%3B%C3%BC");
  EXPECT_EQ(encode("a/b&c"), "a%2Fb%26c");
}

}  // namespace
}  // namespace rdev::storage
