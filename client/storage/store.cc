#include "client/storage/store.h"

#include <algorithm>

namespace rdev::storage {
namespace {

constexpr std::size_t kMostItems = 1'000'000;

}  // namespace

awaitable<Result<Listing>> list_all(Store& store, std::string path) {
  Listing all;
  std::string from;
  do {
    auto page = co_await store.list(path, from);
    if (!page) {
      co_return tl::make_unexpected(page.error());
    }
    if (all.items.size() + page->items.size() > kMostItems) {
      co_return fail(Code::kLimit, "the folder " + path + " has more than " +
                                       std::to_string(kMostItems) + " files: take one below it");
    }
    if (!page->next.empty() && page->next == from) {
      co_return fail(Code::kProtocol, "the storage's list of " + path + " does not end");
    }
    std::move(page->items.begin(), page->items.end(), std::back_inserter(all.items));
    all.unfit += page->unfit;
    from = std::move(page->next);
  } while (!from.empty());
  // A folder comes before a mark of the same name that says that there is one.
  std::sort(all.items.begin(), all.items.end(), [](const Item& a, const Item& b) {
    return a.name != b.name ? a.name < b.name : a.kind > b.kind;
  });
  const auto end = std::unique(all.items.begin(), all.items.end(),
                               [](const Item& a, const Item& b) { return a.name == b.name; });
  all.items.erase(end, all.items.end());
  co_return all;
}

bool is_passing(Code code) {
  return code == Code::kUnavailable || code == Code::kClosed || code == Code::kTimeout;
}

}  // namespace rdev::storage
