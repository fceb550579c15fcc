#include "kernels/dependent_dtw.hpp"

#include "kernels/cpu/row_groups.hpp"
#include "kernels/cpu/table_rows.hpp"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cpu {
namespace {

template <std::int64_t kGroup>
void pack_groups(const RowsView<float>& sequence, double* packed) {
  for (std::int64_t first = 0; first < sequence.count; first += kGroup)
    pack_group<kGroup>(sequence, first, packed + first * sequence.width);
}

}  // namespace

std::int64_t packed_sequence_count(std::int64_t count, std::int64_t width, TableSide side) {
  const std::int64_t group = side == TableSide::kRows ? kBlockRows : kPanelColumns;
  return (count + group - 1) / group * group * width;
}

void pack_sequence(const RowsView<float>& sequence, TableSide side, double* packed) {
  if (side == TableSide::kRows) {
    pack_groups<kBlockRows>(sequence, packed);
  } else {
    pack_groups<kPanelColumns>(sequence, packed);
  }
}

std::size_t dependent_dtw_workspace_bytes(std::int64_t columns) {
  Workspace sizing(nullptr);
  sizing.request<double>((kStripRows + 1) * strip_stride(columns));
  return sizing.required_bytes();
}

DependentDtw dependent_dtw(const PackedSequence& rows, const PackedSequence& columns, double limit,
                           std::byte* workspace, const AlignmentVariant& variant) {
  DependentDtw result;
  result.cost = variant.dependent_dtw(rows.packed, rows.count, columns.packed, columns.count, rows.width, limit,
                                      workspace, &result.cells);
  return result;
}

}  // namespace alignment::kernels::cpu
