#include "client/storage/webhdfs.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

#include "client/storage/path.h"
#include "client/storage/webhdfs_answers.h"
#include "client/storage/webhdfs_client.h"

namespace rdev::storage {
namespace {

Result<void> done(const Result<http::Answer>& answer) {
  return answer ? Result<void>() : tl::make_unexpected(answer.error());
}

std::string part_name(const std::string& path, const Upload& upload) {
  const std::string source = upload.version + "\n" + std::to_string(upload.source.bytes);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  ::SHA256(reinterpret_cast<const unsigned char*>(source.data()), source.size(), hash.data());
  return fmt::format("{}.{:02x}{}", path, fmt::join(hash.begin(), hash.begin() + 8, ""), kPart);
}

class WebHdfs final : public Store {
 public:
  explicit WebHdfs(WebHdfsOptions options) : client_(std::move(options)) {}

  awaitable<Result<Item>> stat(std::string path) override;
  awaitable<Result<Page>> list(std::string path, std::string from) override;
  awaitable<Result<void>> make_folder(std::string path) override;
  awaitable<Result<void>> remove(std::string path) override;
  awaitable<Result<void>> remove_tree(std::string path) override;
  awaitable<Result<void>> read(std::string path, Range range, http::Sink sink) override;
  awaitable<Result<void>> write(std::string path, Upload upload) override;

 private:
  awaitable<Result<Page>> list_at_once(std::string path);
  awaitable<Result<void>> erase(std::string path, const char* recursive);
  awaitable<Result<void>> fill(std::string part, Upload upload);
  awaitable<Result<void>> put_in_place(std::string part, std::string path);

  HdfsClient client_;
  bool has_pages_ = true;  // from Hadoop 2.9 on
};

awaitable<Result<Item>> WebHdfs::stat(std::string path) {
  HdfsCall call{.op = "GETFILESTATUS", .path = path};
  const auto answer = co_await client_.call(std::move(call));
  co_return answer ? parse_file_status(answer->body, name_of(path))
                   : tl::make_unexpected(answer.error());
}

awaitable<Result<Page>> WebHdfs::list_at_once(std::string path) {
  HdfsCall call{.op = "LISTSTATUS", .path = std::move(path)};
  const auto answer = co_await client_.call(std::move(call));
  co_return answer ? parse_file_statuses(answer->body) : tl::make_unexpected(answer.error());
}

awaitable<Result<Page>> WebHdfs::list(std::string path, std::string from) {
  if (!has_pages_) {
    co_return co_await list_at_once(path);
  }
  HdfsCall call{.op = "LISTSTATUS_BATCH", .path = path};
  if (!from.empty()) {
    call.more.emplace_back("startAfter", from);
  }
  const auto answer = co_await client_.call(std::move(call));
  if (!answer && answer.error().code == Code::kFailed && from.empty()) {
    has_pages_ = false;
    co_return co_await list_at_once(path);
  }
  co_return answer ? parse_directory_listing(answer->body) : tl::make_unexpected(answer.error());
}

awaitable<Result<void>> WebHdfs::make_folder(std::string path) {
  HdfsCall call{.method = "PUT", .op = "MKDIRS", .path = path, .repeatable = true};
  const auto answer = co_await client_.call(std::move(call));
  if (answer && !parse_boolean(answer->body)) {
    co_return fail(Code::kFailed, "WebHDFS does not make the folder " + client_.full_path(path));
  }
  co_return done(answer);
}

awaitable<Result<void>> WebHdfs::erase(std::string path, const char* recursive) {
  HdfsCall call{
      .method = "DELETE", .op = "DELETE", .path = path, .more = {{"recursive", recursive}}};
  const auto answer = co_await client_.call(std::move(call));
  if (answer && !parse_boolean(answer->body)) {
    co_return fail(Code::kNotFound, "there is no " + client_.full_path(path));
  }
  co_return done(answer);
}

awaitable<Result<void>> WebHdfs::remove(std::string path) {
  return erase(std::move(path), "false");
}

// The root itself stays: a job may have it as its folder.
awaitable<Result<void>> WebHdfs::remove_tree(std::string path) {
  if (!path.empty()) {
    co_return co_await erase(path, "true");
  }
  const auto all = co_await list_all(*this, path);
  if (!all) {
    co_return tl::make_unexpected(all.error());
  }
  for (const Item& item : all->items) {
    if (auto erased = co_await erase(item.name, "true"); !erased) {
      co_return erased;
    }
  }
  co_return Result<void>();
}

awaitable<Result<void>> WebHdfs::read(std::string path, Range range, http::Sink sink) {
  if (range.offset < range.bytes) {
    HdfsCall call{.op = "OPEN",
                  .path = path,
                  .more = {{"offset", std::to_string(range.offset)}},
                  .sink = std::move(sink)};
    const auto answer = co_await client_.call(std::move(call));
    if (!answer) {
      co_return done(answer);
    }
  }
  // OPEN has no condition; who replaces the file while it is read shows only here.
  const auto now = co_await stat(path);
  if (now && now->version != range.version) {
    co_return fail(Code::kFailed,
                   client_.full_path(path) + " was changed while it was copied: copy it again");
  }
  co_return now ? Result<void>() : tl::make_unexpected(now.error());
}

http::Source rest_of(const http::Source& whole, std::uint64_t from) {
  return {.bytes = whole.bytes - from,
          .read = [read = whole.read, from](std::uint64_t offset, auto buffer) {
            return read(from + offset, buffer);
          }};
}

// Makes the part complete.
awaitable<Result<void>> WebHdfs::fill(std::string part, Upload upload) {
  const auto there = co_await stat(part);
  if (!there && there.error().code != Code::kNotFound) {
    co_return tl::make_unexpected(there.error());
  }
  const std::uint64_t have = there ? there->bytes : 0;
  if (there && have == upload.source.bytes) {
    upload.kept(have);
    co_return Result<void>();
  }
  const bool appends = have > 0 && have < upload.source.bytes;
  HdfsCall call{.method = appends ? "POST" : "PUT",
                .op = appends ? "APPEND" : "CREATE",
                .path = part,
                .source = rest_of(upload.source, appends ? have : 0)};
  if (appends) {
    upload.kept(have);
  } else {
    call.more.emplace_back("overwrite", "true");
  }
  const auto sent = co_await client_.call(std::move(call));
  if (!sent) {
    co_return done(sent);
  }
  // An append may begin behind the length that was told, when the last writer was cut off just now.
  const auto now = co_await stat(part);
  if (now && now->bytes != upload.source.bytes) {
    (void)co_await remove(part);
    co_return fail(Code::kUnavailable,
                   client_.full_path(part) + " has got another length than it was sent");
  }
  co_return now ? Result<void>() : tl::make_unexpected(now.error());
}

// RENAME replaces nothing.
awaitable<Result<void>> WebHdfs::put_in_place(std::string part, std::string path) {
  if (auto removed = co_await remove(path); !removed && removed.error().code != Code::kNotFound) {
    co_return removed;
  }
  HdfsCall call{.method = "PUT",
                .op = "RENAME",
                .path = part,
                .more = {{"destination", client_.full_path(path)}}};
  const auto answer = co_await client_.call(std::move(call));
  if (answer && !parse_boolean(answer->body)) {
    co_return fail(Code::kFailed, "WebHDFS does not rename " + client_.full_path(part) + " to " +
                                      client_.full_path(path));
  }
  co_return done(answer);
}

awaitable<Result<void>> WebHdfs::write(std::string path, Upload upload) {
  const std::string part = part_name(path, upload);
  if (auto filled = co_await fill(part, std::move(upload)); !filled) {
    co_return filled;
  }
  co_return co_await put_in_place(part, path);
}

}  // namespace

std::unique_ptr<Store> webhdfs(WebHdfsOptions options) {
  return std::make_unique<WebHdfs>(std::move(options));
}

}  // namespace rdev::storage
