#pragma once

#include <string>
#include <string_view>

#include "client/storage/store.h"

// What WebHDFS answers with: JSON ("WebHDFS REST API", Hadoop 2.9 documentation).
namespace rdev::storage {

inline constexpr std::size_t kMaxJson = 64U << 20U;

// Of GETFILESTATUS; its name is `name`. Code::kProtocol for what is none.
Result<Item> parse_file_status(std::string_view json, std::string name);

// Of LISTSTATUS_BATCH; `next` is the name to go on behind. Links are left out: where they lead is
// not said.
Result<Page> parse_directory_listing(std::string_view json);
// Of LISTSTATUS: all at once.
Result<Page> parse_file_statuses(std::string_view json);

// {"boolean": true}
bool parse_boolean(std::string_view json);

// The class of {"RemoteException": …} and what it says, in one line; empty when it is none.
struct RemoteException {
  std::string name, message;
};
RemoteException parse_remote_exception(std::string_view json);

}  // namespace rdev::storage
