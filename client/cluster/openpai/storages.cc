#include <map>

#include "client/cluster/openpai/read_json.h"
#include "client/cluster/openpai/resources.h"

namespace rdev::cluster::openpai {
namespace {

void read_data(StorageDetail& storage, const json::object& data) {
  const std::string& type = storage.type;
  if (type == "nfs") {
    storage.where = text_in(data, member(data, "server") != nullptr ? "server" : "address") + ":" +
                    text_in(data, member(data, "path") != nullptr ? "path" : "rootPath");
  } else if (type == "samba") {
    storage.where = text_in(data, "address");
  } else if (type == "azureFile") {
    storage.where = text_in(data, "accountName") + "/" + text_in(data, "shareName");
  } else if (type == "azureBlob") {
    storage.account = text_in(data, "accountName");
    storage.container = text_in(data, "containerName");
    storage.key = text_in(data, member(data, "accountKey") != nullptr ? "accountKey" : "key");
    storage.sas = text_in(data, "accountSASToken");
    storage.where = storage.account + "/" + storage.container;
  } else if (type == "hdfs") {
    storage.name_node = text_in(data, "namenode");
    storage.where = "hdfs://" + storage.name_node + ":" + text_in(data, "port");
  }
  storage.where = plain(storage.where, 200);
}

// In old servers types are in lower case.
std::string type_of(const std::string& type) {
  return type == "azureblob" ? "azureBlob" : type == "azurefile" ? "azureFile" : type;
}

std::string filled_in(std::string path, const std::string& user) {
  for (const char* word : {"${PAI_USER_NAME}", "%{PAI_USER_NAME}"}) {
    for (std::size_t at = path.find(word); at != std::string::npos;
         at = path.find(word, at + user.size())) {
      path.replace(at, std::string_view(word).size(), user);
    }
  }
  return path;
}

Result<json::array> read_array(std::string_view body, std::string_view what) {
  const auto value = read_body(body, what);
  if (!value) {
    return tl::make_unexpected(value.error());
  }
  return value->is_array()
             ? Result<json::array>(value->get_array())
             : fail(Code::kProtocol, "the server's " + std::string(what) + " is of another kind");
}

struct OldServer {
  std::string type;
  json::object data;
};

std::map<std::string, OldServer> read_servers(const json::array& all) {
  std::map<std::string, OldServer> servers;
  for (const json::value& item : all) {
    const json::object* server = item.if_object();
    const json::object* data = server == nullptr ? nullptr : object_in(*server, "data");
    if (data != nullptr) {
      servers[text_in(*server, "spn")] = {.type = type_of(text_in(*server, "type")), .data = *data};
    }
  }
  return servers;
}

}  // namespace

Result<StorageDetail> parse_storage(std::string_view body) {
  const auto object = read_object(body, "word on the storage");
  if (!object) {
    return tl::make_unexpected(object.error());
  }
  const bool own = member(*object, "share") != nullptr && !truth_in(*object, "share");
  StorageDetail storage{.summary = {.name = text_in(*object, "name"),
                                    .shared = !own,
                                    .is_default = truth_in(*object, "default")},
                        .type = text_in(*object, "type"),
                        .read_only = truth_in(*object, "readOnly")};
  if (const json::object* data = object_in(*object, "data"); data != nullptr) {
    read_data(storage, *data);
  }
  return storage;
}

Result<std::vector<StorageDetail>> parse_old_storages(std::string_view configs,
                                                      std::string_view servers,
                                                      const std::string& user) {
  const auto all = read_array(configs, "list of storage configurations");
  const auto known = all ? read_array(servers, "list of storage servers") : all;
  if (!known) {
    return tl::make_unexpected(known.error());
  }
  const auto by_name = read_servers(*known);
  std::vector<StorageDetail> storages;
  for (const json::value& item : *all) {
    const json::object* config = item.if_object();
    const json::array* mounts = config == nullptr ? nullptr : array_in(*config, "mountInfos");
    int number = 0;
    for (const json::value& info : mounts == nullptr ? json::array() : *mounts) {
      const json::object* mount = info.if_object();
      const auto server =
          mount == nullptr ? by_name.end() : by_name.find(text_in(*mount, "server"));
      const std::string suffix = number == 0 ? "" : "~" + std::to_string(number);
      ++number;
      if (server == by_name.end()) {
        continue;
      }
      StorageDetail storage{.summary = {.name = text_in(*config, "name") + suffix,
                                        .is_default = truth_in(*config, "default")},
                            .type = server->second.type,
                            .read_only = text_in(*mount, "permission") == "ro",
                            .path = filled_in(text_in(*mount, "path"), user)};
      read_data(storage, server->second.data);
      storages.push_back(std::move(storage));
    }
  }
  return storages;
}

}  // namespace rdev::cluster::openpai
