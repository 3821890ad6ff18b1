#pragma once

#include <boost/json/value.hpp>

namespace rdev::cluster::openpai::test {

// Says yes or no as the server's validator does: those keywords of JSON schema draft 7, and of
// ajv-merge-patch, that its schema has. Any other keyword fails the test.
class JsonSchema final {
 public:
  // {"base": SCHEMA, "protocol": SCHEMA}; each is found by its $id.
  explicit JsonSchema(boost::json::value file) : file_(std::move(file)) {}

  bool accepts(const boost::json::value& job) const;

 private:
  bool accepts(const boost::json::value& schema, const boost::json::value& value) const;
  bool keyword(const boost::json::object& schema, std::string_view name,
               const boost::json::value& wanted, const boost::json::value& value) const;
  bool properties(const boost::json::object& schema, const boost::json::object& value) const;
  const boost::json::value& referred(std::string_view reference) const;

  boost::json::value file_;
};

}  // namespace rdev::cluster::openpai::test
