#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "client/http/client.h"
#include "protocol/base/asio.h"

namespace rdev::storage {

enum class Kind { kFile, kFolder };

struct Item {
  std::string name;  // the last part of its path; empty for the storage itself
  Kind kind = Kind::kFile;
  std::uint64_t bytes = 0;
  std::int64_t modified_s = 0;  // Unix; 0: not known
  std::string version = {};     // of a file: another one when its bytes may be others; one line
};

struct Page {
  std::vector<Item> items;
  std::string next;       // for the next call; empty: this was the last page
  std::size_t unfit = 0;  // names that no file here can have, which are left out
};

// Which part of which bytes.
struct Range {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // of the whole file
  std::string version;
};

struct Upload {
  http::Source source;
  std::string version;  // of the source, as Item::version: what was sent of another one is not used
  // Told how many bytes were there already.
  std::function<void(std::uint64_t)> kept = [](std::uint64_t) {};
};

// Files of a storage, by their paths: "" is its root, else "a/b", no slash at either end (path.h).
// Code::kNotFound, kPermission and kExists are what they say; kUnavailable, kClosed and kTimeout
// may work when they are tried again. Several calls may be pending at once.
class Store {
 public:
  virtual ~Store() = default;

  virtual awaitable<Result<Item>> stat(std::string path) = 0;
  // Of a folder, in no order; `from` is empty or a page's `next`.
  virtual awaitable<Result<Page>> list(std::string path, std::string from) = 0;
  // With those above it; fine when it is there.
  virtual awaitable<Result<void>> make_folder(std::string path) = 0;
  // A file.
  virtual awaitable<Result<void>> remove(std::string path) = 0;
  // A folder and all below it.
  virtual awaitable<Result<void>> remove_tree(std::string path) = 0;
  // From an offset to the end, in order. Fails when it is no longer that version.
  virtual awaitable<Result<void>> read(std::string path, Range range, http::Sink sink) = 0;
  // Makes or replaces a file; who looks sees the old one or all of the new one. Called again after
  // a failure, also by another process, it goes on where the store has the bytes.
  virtual awaitable<Result<void>> write(std::string path, Upload upload) = 0;
};

// All pages of a folder, by name, each name once. Code::kLimit for more than a million.
struct Listing {
  std::vector<Item> items;
  std::size_t unfit = 0;
};
awaitable<Result<Listing>> list_all(Store& store, std::string path);

// Whether the same call may work later.
bool is_passing(Code code);

}  // namespace rdev::storage
