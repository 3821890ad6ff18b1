#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "client/storage/store.h"

namespace rdev::storage {

struct Totals {
  std::uint64_t files = 0;                         // complete
  std::uint64_t bytes = 0;                         // moved now
  std::uint64_t resumed = 0;                       // bytes that were there of an earlier try
  std::uint64_t known_files = 0, known_bytes = 0;  // found so far
  std::vector<std::string> skipped;  // sentences: what is no file, or cannot be one here
  std::vector<Error> errors;         // of single files; the others are there
};

struct TransferOptions {
  // Told what has been done so far, often.
  std::function<void(const Totals&)> moved = [](const Totals&) {};
  int tries = 5;                         // of one file in which nothing moved
  std::chrono::milliseconds pause{500};  // before the second; then twice as long
};

// Copies of files and folders, four files at once. What was cut goes on where it was, in this call
// and in the next one. The error is of the whole: no way to the storage, a folder that cannot be
// read.

// The file `source` of `path` becomes target (its folder is made).
awaitable<Result<Totals>> download_file(Store& store, std::string path, Item source,
                                        std::filesystem::path target, TransferOptions options);
// What is in the folder `path` comes into `target`.
awaitable<Result<Totals>> download_tree(Store& store, std::string path,
                                        std::filesystem::path target, TransferOptions options);
awaitable<Result<Totals>> upload_file(Store& store, std::filesystem::path source, std::string path,
                                      TransferOptions options);
// Links to files within `source` are copied as files; other links are skipped.
awaitable<Result<Totals>> upload_tree(Store& store, std::filesystem::path source, std::string path,
                                      TransferOptions options);

}  // namespace rdev::storage
