#include "client/storage/azure_blob.h"

#include "client/storage/azure_answers.h"
#include "client/storage/azure_client.h"
#include "client/storage/azure_sign.h"
#include "client/storage/azure_upload.h"
#include "client/storage/path.h"

namespace rdev::storage {
namespace {

constexpr char kPageSize[] = "1000";

std::string header(const http::Answer& answer, const char* name) {
  const auto found = answer.headers.find(name);
  return found == answer.headers.end() ? "" : found->second;
}

Item item_of(const http::Answer& answer, const std::string& path) {
  Item item{.name = name_of(path),
            .kind = Kind::kFile,
            .bytes = std::strtoull(header(answer, "content-length").c_str(), nullptr, 10),
            .modified_s = parse_http_date(header(answer, "last-modified")),
            .version = answer.etag};
  if (header(answer, "x-ms-meta-hdi_isfolder") == "true") {
    item = {.name = std::move(item.name), .kind = Kind::kFolder, .modified_s = item.modified_s};
  }
  return item;
}

Result<void> done(const Result<http::Answer>& answer) {
  return answer ? Result<void>() : tl::make_unexpected(answer.error());
}

class AzureBlob final : public Store {
 public:
  explicit AzureBlob(AzureOptions options) : client_(std::move(options)) {}

  awaitable<Result<Item>> stat(std::string path) override;
  awaitable<Result<Page>> list(std::string path, std::string from) override;
  awaitable<Result<void>> make_folder(std::string path) override;
  awaitable<Result<void>> remove(std::string path) override;
  awaitable<Result<void>> remove_tree(std::string path) override;
  awaitable<Result<void>> read(std::string path, Range range, http::Sink sink) override;
  awaitable<Result<void>> write(std::string path, Upload upload) override;

 private:
  std::string blob_of(const std::string& path) const { return join(client_.options().root, path); }
  std::string prefix_of(const std::string& path) const;
  awaitable<Result<http::Answer>> ask_list(std::map<std::string, std::string> query);
  awaitable<Result<Item>> stat_prefix(std::string path);
  awaitable<Result<void>> mark_folder(std::string path);

  AzureClient client_;
};

std::string AzureBlob::prefix_of(const std::string& path) const {
  const std::string blob = blob_of(path);
  return blob.empty() ? "" : blob + "/";
}

awaitable<Result<http::Answer>> AzureBlob::ask_list(std::map<std::string, std::string> query) {
  query.insert({{"comp", "list"}, {"restype", "container"}});
  AzureCall call{.query = std::move(query), .max_bytes = kMaxXml};
  co_return co_await client_.call(std::move(call));
}

// A folder that is there because something is below it, or as it is the root.
awaitable<Result<Item>> AzureBlob::stat_prefix(std::string path) {
  std::map<std::string, std::string> query{{"maxresults", "1"}, {"prefix", prefix_of(path)}};
  const auto answer = co_await ask_list(std::move(query));
  const auto found = answer ? parse_blob_names(answer->body) : tl::make_unexpected(answer.error());
  if (!found) {
    co_return tl::make_unexpected(found.error());
  }
  if (found->names.empty() && found->next.empty() && !path.empty()) {
    co_return fail(Code::kNotFound, "there is no " + path);
  }
  co_return Item{.name = name_of(path), .kind = Kind::kFolder};
}

awaitable<Result<Item>> AzureBlob::stat(std::string path) {
  if (path.empty()) {
    co_return co_await stat_prefix(path);
  }
  AzureCall call{.method = "HEAD", .blob = blob_of(path)};
  const auto answer = co_await client_.call(std::move(call));
  if (answer) {
    co_return item_of(*answer, path);
  }
  if (answer.error().code != Code::kNotFound) {
    co_return tl::make_unexpected(answer.error());
  }
  co_return co_await stat_prefix(path);
}

awaitable<Result<Page>> AzureBlob::list(std::string path, std::string from) {
  std::map<std::string, std::string> query{
      {"delimiter", "/"}, {"include", "metadata"}, {"maxresults", kPageSize}};
  const std::string prefix = prefix_of(path);
  if (!prefix.empty()) {
    query["prefix"] = prefix;
  }
  if (!from.empty()) {
    query["marker"] = from;
  }
  const auto answer = co_await ask_list(std::move(query));
  co_return answer ? parse_blobs(answer->body, prefix) : tl::make_unexpected(answer.error());
}

awaitable<Result<void>> AzureBlob::mark_folder(std::string path) {
  AzureCall call{.method = "PUT",
                 .blob = blob_of(path),
                 .headers = {{"if-none-match", "*"},
                             {"x-ms-blob-type", "BlockBlob"},
                             {"x-ms-meta-hdi_isfolder", "true"}}};
  const auto made = co_await client_.call(std::move(call));
  if (made || made.error().code != Code::kExists) {
    co_return done(made);
  }
  const auto item = co_await stat(path);
  if (item && item->kind == Kind::kFile) {
    co_return fail(Code::kExists, path + " is a file: no folder can be made there");
  }
  co_return item ? Result<void>() : tl::make_unexpected(item.error());
}

awaitable<Result<void>> AzureBlob::make_folder(std::string path) {
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    if (auto made = co_await mark_folder(path.substr(0, end)); !made) {
      co_return made;
    }
  }
  co_return Result<void>();
}

awaitable<Result<void>> AzureBlob::remove(std::string path) {
  AzureCall call{.method = "DELETE", .blob = blob_of(path)};
  co_return done(co_await client_.call(std::move(call)));
}

// What is below it first: what is left after a failure is still a folder.
awaitable<Result<void>> AzureBlob::remove_tree(std::string path) {
  std::string from;
  for (;;) {
    std::map<std::string, std::string> query{{"maxresults", kPageSize}};
    if (!prefix_of(path).empty()) {
      query["prefix"] = prefix_of(path);
    }
    if (!from.empty()) {
      query["marker"] = from;
    }
    const auto answer = co_await ask_list(std::move(query));
    const auto page = answer ? parse_blob_names(answer->body) : tl::make_unexpected(answer.error());
    if (!page) {
      co_return tl::make_unexpected(page.error());
    }
    for (const std::string& name : page->names) {
      AzureCall call{.method = "DELETE", .blob = name};
      const auto removed = co_await client_.call(std::move(call));
      if (!removed && removed.error().code != Code::kNotFound) {
        co_return done(removed);
      }
    }
    if (page->next.empty()) {
      break;
    }
    from = page->next;
  }
  if (path.empty()) {
    co_return Result<void>();
  }
  auto mark = co_await remove(path);
  co_return mark || mark.error().code == Code::kNotFound ? Result<void>() : mark;
}

awaitable<Result<void>> AzureBlob::read(std::string path, Range range, http::Sink sink) {
  if (range.offset >= range.bytes) {
    co_return Result<void>();
  }
  AzureCall call{.blob = blob_of(path),
                 .headers = {{"if-match", range.version},
                             {"x-ms-range", "bytes=" + std::to_string(range.offset) + "-"}},
                 .sink = std::move(sink)};
  co_return done(co_await client_.call(std::move(call)));
}

awaitable<Result<void>> AzureBlob::write(std::string path, Upload upload) {
  return upload_blob(client_, blob_of(path), std::move(upload));
}

}  // namespace

std::unique_ptr<Store> azure_blob(AzureOptions options) {
  return std::make_unique<AzureBlob>(std::move(options));
}

}  // namespace rdev::storage
