#include "client/storage/transfer.h"

#include <algorithm>

#include "client/storage/copies.h"
#include "client/storage/local.h"
#include "client/storage/path.h"

namespace rdev::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 256;

awaitable<Result<void>> fetch_folder(Store& store, std::string path,
                                     std::shared_ptr<LocalFolder> folder, Copies& copies,
                                     int depth) {
  if (depth > kDeepest) {
    co_return fail(Code::kLimit, path.substr(0, 200) + "… is nested too deep");
  }
  auto all = co_await list_all(store, path);
  if (!all) {
    co_return tl::make_unexpected(all.error());
  }
  if (all->unfit > 0) {
    copies.skip((path.empty() ? "the storage" : path) + ": " + std::to_string(all->unfit) +
                " names that no file here can have, or links, are left out");
  }
  for (Item& item : all->items) {
    const std::string name = item.name;
    if (copies.is_over()) {
      break;
    }
    if (name.ends_with(kPart)) {
      copies.skip(join(path, name) + " is an unfinished copy");
    } else if (item.kind == Kind::kFile) {
      co_await copies.fetch(join(path, name), std::move(item), folder, name);
    } else {
      auto below = folder->subfolder(name);
      auto done = below ? co_await fetch_folder(store, join(path, name), *below, copies, depth + 1)
                        : tl::make_unexpected(below.error());
      if (!done) {
        co_return done;
      }
    }
  }
  co_return Result<void>();
}

struct Sending {
  Store& store;
  Copies& copies;
  fs::path root;  // without links
};

// A link to a file of the same tree is that file; the way out of it is not taken.
bool is_within(const fs::path& link, const fs::path& root) {
  std::error_code error;
  const fs::path real = fs::canonical(link, error);
  const auto [in_root, in_real] = std::mismatch(root.begin(), root.end(), real.begin(), real.end());
  return !error && in_root == root.end() && fs::is_regular_file(real, error);
}

// By name, so that two runs go the same way.
Result<std::vector<fs::directory_entry>> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    entries.push_back(*at);
  }
  if (error) {
    return fail(Code::kFailed,
                "cannot read the folder " + folder.string() + ": " + error.message());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

awaitable<Result<void>> send_folder(Sending& sending, fs::path folder, std::string path) {
  if (auto made = co_await sending.store.make_folder(path); !made) {
    co_return made;
  }
  const auto entries = entries_of(folder);
  if (!entries) {
    co_return tl::make_unexpected(entries.error());
  }
  for (const fs::directory_entry& entry : *entries) {
    std::error_code error;
    const fs::file_status status = entry.symlink_status(error);
    const std::string name = entry.path().filename().string();
    const std::string below = join(path, name);
    if (sending.copies.is_over()) {
      break;
    }
    if (name.ends_with(kPart) || name.ends_with(std::string(kPart) + "-of")) {
      sending.copies.skip(entry.path().string() + " is an unfinished copy");
    } else if (fs::is_directory(status)) {
      if (auto sent = co_await send_folder(sending, entry.path(), below); !sent) {
        co_return sent;
      }
    } else if (fs::is_regular_file(status) ||
               (fs::is_symlink(status) && is_within(entry.path(), sending.root))) {
      co_await sending.copies.send(entry.path(), below);
    } else {
      sending.copies.skip(entry.path().string() +
                          (fs::is_symlink(status) ? " is a link out of the folder, or to a folder"
                                                  : " is no file"));
    }
  }
  co_return Result<void>();
}

// The files on their way first: they use what the caller has.
awaitable<Result<Totals>> end(Copies& copies, Result<void> walked) {
  auto totals = co_await copies.wait();
  if (totals && !walked) {
    co_return tl::make_unexpected(walked.error());
  }
  co_return totals;
}

}  // namespace

awaitable<Result<Totals>> download_file(Store& store, std::string path, Item source,
                                        fs::path target, TransferOptions options) {
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path(".");
  auto folder = LocalFolder::open(parent);
  if (!folder) {
    co_return tl::make_unexpected(folder.error());
  }
  Copies copies(co_await asio::this_coro::executor, store, std::move(options));
  co_await copies.fetch(path, source, *folder, target.filename().string());
  co_return co_await copies.wait();
}

awaitable<Result<Totals>> download_tree(Store& store, std::string path, fs::path target,
                                        TransferOptions options) {
  auto folder = LocalFolder::open(target);
  if (!folder) {
    co_return tl::make_unexpected(folder.error());
  }
  Copies copies(co_await asio::this_coro::executor, store, std::move(options));
  auto walked = co_await fetch_folder(store, path, *folder, copies, 0);
  co_return co_await end(copies, std::move(walked));
}

awaitable<Result<Totals>> upload_file(Store& store, fs::path source, std::string path,
                                      TransferOptions options) {
  if (const std::string parent = parent_of(path); !parent.empty()) {
    if (auto made = co_await store.make_folder(parent); !made) {
      co_return tl::make_unexpected(made.error());
    }
  }
  Copies copies(co_await asio::this_coro::executor, store, std::move(options));
  co_await copies.send(source, path);
  co_return co_await copies.wait();
}

awaitable<Result<Totals>> upload_tree(Store& store, fs::path source, std::string path,
                                      TransferOptions options) {
  std::error_code error;
  const fs::path root = fs::canonical(source, error);
  if (error) {
    co_return fail(Code::kNotFound, "cannot read " + source.string() + ": " + error.message());
  }
  Copies copies(co_await asio::this_coro::executor, store, std::move(options));
  Sending sending{.store = store, .copies = copies, .root = root};
  auto walked = co_await send_folder(sending, root, path);
  co_return co_await end(copies, std::move(walked));
}

}  // namespace rdev::storage
