import { Database, Download, GraduationCap, MoreHorizontal, Trash2 } from "lucide-react";

import { type Dataset, contentPath, fetchBlob } from "../../api/datasets";
import { formatNumber, t, useLanguage } from "../../ui/i18n";
import { Link, navigate } from "../../ui/Link";
import { Menu } from "../../ui/Menu";
import { saveBlob } from "../../ui/save";
import { formatBytes, formatMoment } from "../../ui/units";
import { removeDataset, say } from "./store";
import { taskWord } from "./words";

export function teachPath(name: string): string {
  return `/app/training?data=${encodeURIComponent(name)}`;
}

export async function saveRows(name: string): Promise<void> {
  try {
    saveBlob(await fetchBlob(contentPath(name, "all")), `${name}.jsonl`);
  } catch (error) {
    say(error);
  }
}

export function DatasetsTable({ items }: { items: Dataset[] }) {
  return (
    <table className="data-table">
      <thead>
        <tr>
          <th scope="col">{t("Name")}</th>
          <th scope="col" className="number">
            {t("To learn from")}
          </th>
          <th scope="col" className="number">
            {t("Held out")}
          </th>
          <th scope="col" className="number">
            {t("Left out")}
          </th>
          <th scope="col">{t("Made from")}</th>
          <th scope="col">{t("When")}</th>
          <th scope="col">
            <span className="visually-hidden">{t("Actions")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <DatasetRow key={item.name} item={item} />
        ))}
      </tbody>
    </table>
  );
}

function DatasetRow({ item }: { item: Dataset }) {
  const language = useLanguage((state) => state.language);
  const { name, rows } = item;
  return (
    <tr>
      <th scope="row">
        <Link to={`/app/data/${name}`} className="data-name">
          <Database size={16} aria-hidden /> {name}
        </Link>
        <span className="hint">
          {taskWord(item.task)} · {formatBytes(item.bytes)}
        </span>
      </th>
      <td className="number" data-label={t("To learn from")}>
        {formatNumber(rows.train)}
      </td>
      <td className="number" data-label={t("Held out")}>
        {formatNumber(rows.validation)}
      </td>
      <td className="number" data-label={t("Left out")}>
        {formatNumber(rows.rejected)}
      </td>
      <td className="data-sources" data-label={t("Made from")}>
        {item.sources.join(", ")}
      </td>
      <td data-label={t("When")}>{formatMoment(item.created_at, language)}</td>
      <td className="data-menu">
        <Menu
          label={t("Options for {name}", { name })}
          className="icon-button"
          icon={<MoreHorizontal size={17} aria-hidden />}
          items={[
            {
              label: t("Teach a model with this"),
              Icon: GraduationCap,
              run: () => navigate(teachPath(name)),
            },
            { label: t("Download the rows"), Icon: Download, run: () => void saveRows(name) },
            {
              label: t("Delete"),
              Icon: Trash2,
              danger: true,
              run: () => removeDataset(name),
            },
          ]}
        />
      </td>
    </tr>
  );
}
