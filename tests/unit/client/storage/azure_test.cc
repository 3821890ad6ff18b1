#include <gtest/gtest.h>

#include "client/storage/azure_answers.h"
#include "client/storage/azure_sign.h"
#include "client/storage/azure_upload.h"

namespace rdev::storage {
namespace {

Unsigned put_block() {
  return {.method = "PUT",
          .path = "/acct/c1/a%20b",
          .query = {{"comp", "block"}, {"blockid", "cmRldg=="}},
          .headers = {{"x-ms-version", "2019-12-12"},
                      {"x-ms-date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                      {"if-match", "\"0x1\""}},
          .body_bytes = 5242880};
}

TEST(AzureSign, SignsWhatTheReferenceSays) {
  EXPECT_EQ(string_to_sign("acct", put_block()),
            "PUT\n\n\n5242880\n\n\n\n\n\"0x1\"\n\n\n\n"
            "x-ms-date:Sun, 06 Nov 1994 08:49:37 GMT\nx-ms-version:2019-12-12\n"
            "/acct/acct/c1/a%20b\nblockid:cmRldg==\ncomp:block");
}

// Computed with Python's hmac.
TEST(AzureSign, IsHmacSha256) {
  EXPECT_EQ(shared_key("acct", "YSBrZXkgb2YgdGhpcnR5LXR3byBieXRlcywgb3Igc28=", put_block()).value(),
            "SharedKey acct:p7CsPlDaq1p6mE0bAswhSwL4c2ZbNDKd2/JxFH7cQnU=");
}

TEST(AzureSign, NoBytesAreNoLength) {
  Unsigned request = put_block();
  request.body_bytes = 0;
  EXPECT_TRUE(string_to_sign("acct", request).starts_with("PUT\n\n\n\n\n"));
}

TEST(AzureSign, DoesNotQuoteABadKey) {
  const auto signed_ = shared_key("acct", "not*base64", put_block());
  ASSERT_FALSE(signed_);
  EXPECT_EQ(signed_.error().message.find("not*base64"), std::string::npos);
}

TEST(AzureSign, Dates) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_http_date("yesterday"), 0);
}

TEST(AzureUpload, BlocksAreAtMostFiftyThousand) {
  EXPECT_EQ(block_bytes(1), 4U << 20U);
  const std::uint64_t tera = 1ULL << 40U;
  EXPECT_LE((tera + block_bytes(tera) - 1) / block_bytes(tera), 50000U);
}

TEST(AzureUpload, IdsAreEquallyLongAndOfTheSource) {
  EXPECT_EQ(block_id("v1", 5, 0).size(), block_id("version two", 1ULL << 40U, 49999).size());
  EXPECT_NE(block_id("v1", 5, 0), block_id("v2", 5, 0));
  EXPECT_NE(block_id("v1", 5, 0), block_id("v1", 6, 0));
  EXPECT_NE(block_id("v1", 5, 0), block_id("v1", 5, 1));
}

std::string list_of(const std::string& blobs) {
  return "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults "
         "ServiceEndpoint=\"http://x/\" ContainerName=\"c1\"><Blobs>" +
         blobs + "</Blobs><NextMarker>m1</NextMarker></EnumerationResults>";
}

TEST(AzureBlobs, ReadsAPage) {
  const auto page = parse_blobs(
      list_of("<Blob><Name>d/a &amp; b</Name><Properties><Last-Modified>Sun, 06 Nov 1994 08:49:37 "
              "GMT</Last-Modified><Etag>\"0x1\"</Etag><Content-Length>7</Content-Length>"
              "</Properties><Metadata /></Blob><Blob><Name>d/marked</Name><Properties />"
              "<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata></Blob>"
              "<BlobPrefix><Name>d/sub/</Name></BlobPrefix>"
              "<Blob><Name Encoded=\"true\">d/a%01b</Name><Properties /></Blob>"),
      "d/");
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->items.size(), 4U);
  EXPECT_EQ(page->items[0].name, "a & b");
  EXPECT_EQ(page->items[0].bytes, 7U);
  EXPECT_EQ(page->items[0].modified_s, 784111777);
  EXPECT_EQ(page->items[0].version, "\"0x1\"");
  EXPECT_EQ(page->items[1].kind, Kind::kFolder);
  EXPECT_EQ(page->items[2].name, "sub");
  EXPECT_EQ(page->items[2].kind, Kind::kFolder);
  EXPECT_EQ(page->items[3].name,
            "a\x01"
            "b");
  EXPECT_EQ(page->next, "m1");
}

// What could lead out of a folder is no item.
TEST(AzureBlobs, LeavesOutNamesOfNoFile) {
  const auto page = parse_blobs(
      list_of(
          "<Blob><Name>d/..</Name></Blob><BlobPrefix><Name>d/../</Name></BlobPrefix>"
          "<BlobPrefix><Name>d//</Name></BlobPrefix><Blob><Name>elsewhere</Name></Blob>"
          "<Blob><Name Encoded=\"true\">d/a%00</Name></Blob>"
          "<Blob><Name Encoded=\"true\">d/%2e%2e%2Fx</Name></Blob><Blob><Name>d/.</Name></Blob>"),
      "d/");
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->items.empty());
  EXPECT_EQ(page->unfit, 6U);  // "d//" is the empty name, which is the folder's own mark
}

class Hostile : public testing::TestWithParam<std::string> {};

TEST_P(Hostile, IsRefused) {
  EXPECT_FALSE(parse_blobs(GetParam(), ""));
  EXPECT_FALSE(parse_uncommitted(GetParam()));
}

std::string many(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    all += text;
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(AzureBlobs, Hostile,
                         testing::Values("", "x", "<a/>", "<EnumerationResults>", "{}",
                                         many("<a>", 3'000'000),
                                         "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><EnumerationResults/>",
                                         // What hides tags from who counts them by quotes.
                                         "<?x \"?>" + many("<a>", 100000) + "<b x=\"\"/>",
                                         "<a\">" + many("<a>", 100000) + "</a\">",
                                         "<a=\">" + many("<a>", 100000) + "\">",
                                         many("<p><a x=\"/></b z=\">", 100000),
                                         std::string(17U << 20U, ' ')));

TEST(AzureBlocks, ReadsThoseThatAreNotCommitted) {
  const auto blocks = parse_uncommitted(
      "<?xml version=\"1.0\"?><BlockList><CommittedBlocks><Block><Name>QQ==</Name><Size>1</Size>"
      "</Block></CommittedBlocks><UncommittedBlocks><Block><Name>Qg==</Name><Size>2</Size></Block>"
      "</UncommittedBlocks></BlockList>");
  ASSERT_TRUE(blocks);
  EXPECT_EQ(*blocks, (std::map<std::string, std::uint64_t>{{"Qg==", 2}}));
}

TEST(AzureErrors, CodesAreWords) {
  EXPECT_EQ(parse_error_code("<?xml version=\"1.0\"?><Error><Code>BlobNotFound</Code></Error>"),
            "BlobNotFound");
  EXPECT_EQ(parse_error_code("<Error><Code>a\x1b[31m</Code></Error>").find('\x1b'),
            std::string::npos);
  EXPECT_EQ(parse_error_code("nonsense"), "");
}

}  // namespace
}  // namespace rdev::storage
