/**
 * Stands in for `rehype-raw`, which streamdown imports and we never use: it turns HTML in an
 * answer into live elements. Without it that cannot happen, and its parser is not shipped.
 */
export default function noRawHtml(): void {}
