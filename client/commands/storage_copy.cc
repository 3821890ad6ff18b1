#include "client/commands/storage_copy.h"

#include <unistd.h>

#include <filesystem>

#include "client/commands/storage_open.h"
#include "client/commands/storage_report.h"
#include "client/ui/progress.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;
using storage::Kind;
using storage::Totals;

constexpr std::chrono::milliseconds kRedraw{100};

// A line that is redrawn at most ten times a second.
class Shown final {
 public:
  Shown() : progress_(2, ui::terminal_of(2)) {}

  storage::TransferOptions options() {
    return {.moved = [this](const Totals& totals) { show(totals); }};
  }
  void end() { progress_.done(); }

 private:
  void show(const Totals& totals) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < kRedraw) {
      return;
    }
    last_ = now;
    progress_.stage("copying", ui::format_bytes(totals.bytes + totals.resumed) + " of " +
                                   ui::format_bytes(totals.known_bytes) + ", " +
                                   std::to_string(totals.files) + " of " +
                                   std::to_string(totals.known_files) + " files");
  }

  ui::Progress progress_;
  std::chrono::steady_clock::time_point last_;
};

// Where the copy of a file, or of a folder, is to be.
struct Target {
  std::string given;  // as the user wrote it
  bool is_there = false;
  bool is_folder = false;
};

bool goes_into(const Target& target, bool copies_folder) {
  const bool says_so = target.given.ends_with('/') || target.given == "." || target.given == ".." ||
                       target.given.ends_with("/.") || target.given.ends_with("/..");
  return says_so || (!copies_folder && target.is_there && target.is_folder);
}

tl::unexpected<Error> is_a_folder(const std::string& what) {
  return fail(Code::kUsage, what + " is a folder: give -r to copy all of it");
}

awaitable<Result<Totals>> fetch(Context& context, CopyOptions options, Shown& shown) {
  auto place = storage::parse_place(options.from);
  if (!place) {
    co_return tl::make_unexpected(place.error());
  }
  auto store = co_await open_store(context, *place);
  auto item = store ? co_await (*store)->stat(place->path) : tl::make_unexpected(store.error());
  if (!item) {
    co_return tl::make_unexpected(item.error());
  }
  const bool is_tree = item->kind == Kind::kFolder;
  if (is_tree && !options.recursive) {
    co_return is_a_folder(options.from);
  }
  std::error_code error;
  fs::path target = options.to;
  const Target known{
      .given = options.to, .is_there = true, .is_folder = fs::is_directory(target, error)};
  if (goes_into(known, is_tree)) {
    target /= place->path.empty() ? place->storage : storage::name_of(place->path);
  }
  if (is_tree) {
    co_return co_await storage::download_tree(**store, place->path, target, shown.options());
  }
  co_return co_await storage::download_file(**store, place->path, *item, target, shown.options());
}

awaitable<Result<Totals>> send(Context& context, CopyOptions options, Shown& shown) {
  auto place = storage::parse_place(options.to);
  if (!place) {
    co_return tl::make_unexpected(place.error());
  }
  std::error_code error;
  const fs::file_status source = fs::status(options.from, error);
  const bool is_tree = fs::is_directory(source);
  if (!fs::exists(source)) {
    co_return fail(Code::kNotFound, "there is no " + options.from + " here");
  }
  if (is_tree && !options.recursive) {
    co_return is_a_folder(options.from);
  }
  auto store = co_await open_store(context, *place);
  if (!store) {
    co_return tl::make_unexpected(store.error());
  }
  const auto item = co_await (*store)->stat(place->path);
  if (!item && item.error().code != Code::kNotFound) {
    co_return tl::make_unexpected(item.error());
  }
  const Target known{.given = options.to,
                     .is_there = item.has_value(),
                     .is_folder = item && item->kind == Kind::kFolder};
  std::string target = place->path;
  if (goes_into(known, is_tree)) {
    const std::string name = fs::canonical(options.from, error).filename().string();
    target = storage::join(target, is_tree ? name : fs::path(options.from).filename().string());
  }
  if (is_tree) {
    co_return co_await storage::upload_tree(**store, options.from, target, shown.options());
  }
  co_return co_await storage::upload_file(**store, options.from, target, shown.options());
}

}  // namespace

awaitable<Result<int>> copy_in_storage(Context& context, CopyOptions options) {
  const bool is_from = storage::is_url(options.from);
  const bool is_to = storage::is_url(options.to);
  if (is_from == is_to) {
    co_return fail(Code::kUsage, is_from
                                     ? "both are in storages: copy to this machine, then from it"
                                     : "neither is in a storage: one of them has to be "
                                       "pai://CLUSTER/STORAGE/PATH");
  }
  Shown shown;
  auto totals =
      is_from ? co_await fetch(context, options, shown) : co_await send(context, options, shown);
  if (!totals) {
    co_return tl::make_unexpected(totals.error());
  }
  shown.end();
  for (const std::string& skipped : totals->skipped) {
    note("left out: " + skipped);
  }
  for (const Error& error : totals->errors) {
    note(error.message);
  }
  const auto printed = print(options.json ? totals_json(*totals) : totals_text(*totals));
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  co_return totals->errors.empty() ? 0 : 1;
}

}  // namespace rdev::commands
