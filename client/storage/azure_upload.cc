#include "client/storage/azure_upload.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

#include "client/storage/azure_answers.h"
#include "protocol/ssh/base64.h"

namespace rdev::storage {
namespace {

constexpr std::uint64_t kMiB = 1U << 20U;
constexpr std::uint64_t kBlock = 4 * kMiB;
constexpr std::uint64_t kMostBlocks = 50'000;

Result<void> done(const Result<http::Answer>& answer) {
  return answer ? Result<void>() : tl::make_unexpected(answer.error());
}

http::Source part_of(const http::Source& whole, std::uint64_t from, std::uint64_t bytes) {
  return {.bytes = bytes, .read = [read = whole.read, from](std::uint64_t offset, auto buffer) {
            return read(from + offset, buffer);
          }};
}

awaitable<Result<void>> put_small(AzureClient& client, std::string blob, http::Source source) {
  AzureCall call{.method = "PUT",
                 .blob = std::move(blob),
                 .headers = {{"x-ms-blob-type", "BlockBlob"}},
                 .source = std::move(source)};
  co_return done(co_await client.call(std::move(call)));
}

using Blocks = std::map<std::string, std::uint64_t>;

awaitable<Result<Blocks>> uncommitted(AzureClient& client, std::string blob) {
  AzureCall call{.blob = std::move(blob),
                 .query = {{"comp", "blocklist"}, {"blocklisttype", "uncommitted"}},
                 .max_bytes = kMaxXml};
  const auto answer = co_await client.call(std::move(call));
  if (!answer && answer.error().code == Code::kNotFound) {
    co_return Blocks();
  }
  co_return answer ? parse_uncommitted(answer->body) : tl::make_unexpected(answer.error());
}

awaitable<Result<void>> put_block(AzureClient& client, std::string blob, std::string id,
                                  http::Source source) {
  AzureCall call{.method = "PUT",
                 .blob = std::move(blob),
                 .query = {{"comp", "block"}, {"blockid", std::move(id)}},
                 .source = std::move(source)};
  co_return done(co_await client.call(std::move(call)));
}

awaitable<Result<void>> put_list(AzureClient& client, std::string blob, std::string ids) {
  AzureCall call{
      .method = "PUT",
      .blob = std::move(blob),
      .query = {{"comp", "blocklist"}},
      .headers = {{"content-type", "application/xml"}},
      .body = R"(<?xml version="1.0" encoding="utf-8"?><BlockList>)" + ids + "</BlockList>"};
  co_return done(co_await client.call(std::move(call)));
}

}  // namespace

std::uint64_t block_bytes(std::uint64_t blob_bytes) {
  const std::uint64_t least = (blob_bytes + kMostBlocks - 1) / kMostBlocks;
  return std::max(kBlock, (least + kMiB - 1) / kMiB * kMiB);
}

std::string block_id(const std::string& version, std::uint64_t size, std::uint64_t index) {
  const std::string source = version + "\n" + std::to_string(size);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  ::SHA256(reinterpret_cast<const unsigned char*>(source.data()), source.size(), hash.data());
  return ssh::base64(
      fmt::format("rdev{:02x}{:08d}", fmt::join(hash.begin(), hash.begin() + 8, ""), index));
}

awaitable<Result<void>> upload_blob(AzureClient& client, std::string blob, Upload upload) {
  if (upload.source.bytes <= kBlock) {
    co_return co_await put_small(client, blob, upload.source);
  }
  const std::uint64_t size = block_bytes(upload.source.bytes);
  const auto there = co_await uncommitted(client, blob);
  if (!there) {
    co_return tl::make_unexpected(there.error());
  }
  std::string ids;
  for (std::uint64_t from = 0; from < upload.source.bytes; from += size) {
    const std::uint64_t bytes = std::min(size, upload.source.bytes - from);
    const std::string id = block_id(upload.version, upload.source.bytes, from / size);
    ids += "<Latest>" + id + "</Latest>";
    const auto found = there->find(id);
    if (found != there->end() && found->second == bytes) {
      upload.kept(bytes);
      continue;
    }
    auto put = co_await put_block(client, blob, id, part_of(upload.source, from, bytes));
    if (!put) {
      co_return put;
    }
  }
  co_return co_await put_list(client, blob, std::move(ids));
}

}  // namespace rdev::storage
