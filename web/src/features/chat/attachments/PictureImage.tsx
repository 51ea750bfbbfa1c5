import { useEffect, useRef } from "react";

/** A picture whose bytes are on the page already: they get an address for as long as it is shown. */
export function PictureImage({
  file,
  name,
  className,
}: {
  file: Blob;
  name: string;
  className: string;
}) {
  const image = useRef<HTMLImageElement>(null);
  useEffect(() => {
    const url = URL.createObjectURL(file);
    image.current?.setAttribute("src", url);
    return () => URL.revokeObjectURL(url);
  }, [file]);
  return <img ref={image} className={className} alt={name} title={name} />;
}
