#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/storage/local.h"
#include "client/storage/transfer.h"
#include "protocol/base/notify.h"
#include "protocol/base/task_group.h"

namespace rdev::storage {

// The files of one transfer that are on their way: at most four, in the background. wait() comes
// before it is destroyed.
class Copies final {
 public:
  Copies(const asio::any_io_executor& executor, Store& store, TransferOptions options);

  // Return as soon as one of the four is free; without doing anything once the storage is gone.
  awaitable<void> fetch(std::string path, Item source, std::shared_ptr<LocalFolder> folder,
                        std::string name);
  awaitable<void> send(std::filesystem::path source, std::string path);

  void skip(std::string sentence) { totals_.skipped.push_back(std::move(sentence)); }
  bool is_over() const { return gone_.has_value(); }
  // Once the last has ended.
  awaitable<Result<Totals>> wait();

 private:
  awaitable<void> room();
  awaitable<void> fetch_one(std::string path, Item source, std::shared_ptr<LocalFolder> folder,
                            std::string name);
  awaitable<void> send_one(std::filesystem::path source, std::string path);
  awaitable<Result<void>> fetch_repeatedly(std::string path, Item source, LocalPart& part);
  awaitable<Result<void>> send_repeatedly(std::string path, LocalFile& file);
  awaitable<bool> pause(int& tries, bool has_moved, const Error& error);
  // The last that a copy does.
  void ended(const Result<void>& result);

  Store& store_;
  TransferOptions options_;
  Totals totals_;
  std::optional<Error> gone_;
  std::size_t running_ = 0;
  base::TaskGroup tasks_;
  base::Notify one_ended_;
};

}  // namespace rdev::storage
